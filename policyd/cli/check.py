"""`policyd check`: judge the projects that a caller names.

In: paths, flags of Compose, what the review is about. Out: the decisions on standard output, what
could not be decided on standard error, and the exit code.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final, get_args

import click
import msgspec

from policyd.bootstrap import build
from policyd.bundle import DirectoryFiles
from policyd.cli import DENIED, UNDECIDED, complain
from policyd.cli.many import Judge, Outcome, Undecided, outcomes
from policyd.cli.options import (
    EVERY_PROFILE,
    ComposeFlags,
    Target,
    bundle,
    caller_environment,
    close_at_end,
    compose_flags,
    compose_options,
    current_folder,
    question,
    settings,
    settings_options,
    stdin,
    target,
)
from policyd.config import Settings
from policyd.errors import PolicydError
from policyd.formats import FORMATS
from policyd.formats.reviewed import Reviewed, reviewed
from policyd.model import Operation, Source

DECIDING: Final = (200, 403, 422)
"""Codes of a status that is a verdict; any other says that the engine or the log failed."""
PROGRESS_SECONDS: Final = 0.1
"""Between two updates of the progress line."""

EPILOG: Final = """\b
Examples:
  policyd check
  policyd check compose.yaml apps/* --environment prod
  policyd check -f compose.yaml -f compose.prod.yaml --format json
  git show HEAD:compose.yaml | policyd check -
\b
A PATH is a folder with a project, a Compose file, or - for standard input.
Every profile is on, whatever --profile says: what a profile hides today can
be started tomorrow. ${VARIABLES} have the values they would have for Compose.
\b
Exit codes: 0 allowed, 1 denied (also when Compose would refuse the project),
2 nothing was decided; over several paths 2 if any was undecided, else 1 if
any was denied.
"""


@click.command("check", epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@compose_options
@settings_options("policy_set", "audit")
@click.option("--repository", default="", metavar="NAME", help="Repository of the project.")
@click.option("--environment", default="", metavar="NAME", help="Where to: prod, staging, …")
@click.option("--host", default="", metavar="NAME", help="Host that it is to run on.")
@click.option("--ref", default="", metavar="REF", help="Git ref under review.")
@click.option("--commit", default="", metavar="ID", help="Commit under review.")
@click.option(
    "--operation",
    type=click.Choice(get_args(Operation)),
    default="CHECK",
    show_default=True,
    help="CHECK only judges; with --audit, CREATE and UPDATE record grants, DELETE ends them.",
)
@click.option(
    "--explain-match",
    is_flag=True,
    help="Say of each constraint and exception why it applies, or why not, field by field.",
)
@click.option(
    "--format", "form", type=click.Choice(sorted(FORMATS)), default="text", show_default=True
)
def command(paths: tuple[str, ...], form: str, explain_match: bool, **options: Any) -> int:
    """Judge projects and say what to change.

    Judges the project in each PATH (default: this folder). Nothing is started, fetched or changed.
    """
    flags = compose_flags(options)
    source = Source(**{name: options.pop(name) for name in Source.__struct_fields__})
    asked = Asked(
        source, options.pop("operation"), explain_match, caller_environment(), settings(**options)
    )
    targets, missing = _targets(paths, flags)
    judged = _with_progress(outcomes(targets, functools.partial(judge, asked)), len(targets))
    return _report([*missing, *judged], form)


class Asked(msgspec.Struct, frozen=True):
    """What is asked about every target, and with which settings."""

    source: Source
    operation: Operation
    explain_match: bool
    environment: dict[str, str]
    settings: Settings


def judge(asked: Asked) -> Judge:
    """Return what judges targets in this process."""
    services = build(asked.settings)
    close_at_end(services)

    def ask(target: Target) -> Outcome:
        try:
            loaded = bundle(target, EVERY_PROFILE, asked.environment)
            review = question(asked.source, asked.operation)
            decision = services.decide(loaded, review)
        except PolicydError as error:
            return Undecided(target.source, str(error))
        except Exception as error:  # noqa: BLE001 (a defect must not hide what others were told)
            return Undecided(target.source, f"this is a defect of policyd: {error!r}")
        assert isinstance(loaded.files, DirectoryFiles)
        matches = services.explain(review, decision) if asked.explain_match else ()
        files = loaded.files
        return reviewed(
            target.source, decision, files.root, files.shown, msgspec.to_builtins(matches)
        )

    return ask


def exit_code(judged: Sequence[Outcome]) -> int:
    """Return 2 if any of `judged` is undecided, else 1 if any is denied, else 0."""
    decided = [outcome for outcome in judged if isinstance(outcome, Reviewed)]
    if len(decided) < len(judged) or any(
        result.decision.status.code not in DECIDING for result in decided
    ):
        return UNDECIDED
    return 0 if all(result.decision.allowed for result in decided) else DENIED


def _targets(paths: Sequence[str], flags: ComposeFlags) -> tuple[list[Target], list[Undecided]]:
    folder = current_folder()
    if flags.files:
        if paths:
            raise click.UsageError("give PATHs, or Compose files with -f, not both")
        text = stdin() if "-" in flags.files else None
        return [Target(" ".join(flags.files), folder, flags, text)], []
    targets, missing = [], []
    for path in paths or (".",):
        try:
            targets.append(target(path, flags, folder))
        except PolicydError as error:
            missing.append(Undecided(path, str(error)))
    return targets, missing


def _with_progress(judged: Iterator[Outcome], total: int) -> list[Outcome]:
    results: list[Outcome] = []
    shown = 0.0
    watched = sys.stderr.isatty() and total > 1
    for outcome in judged:
        results.append(outcome)
        if watched and time.monotonic() - shown > PROGRESS_SECONDS:
            shown = time.monotonic()
            click.echo(f"\r{len(results)} of {total} projects judged", err=True, nl=False)
    if watched:
        click.echo("\r\x1b[K", err=True, nl=False)
    return results


def _report(judged: Sequence[Outcome], form: str) -> int:
    decided = [outcome for outcome in judged if isinstance(outcome, Reviewed)]
    if decided or form == "json":
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        click.echo(FORMATS[form].render(decided, colour=colour), nl=False, color=colour)
    for outcome in judged:
        if isinstance(outcome, Undecided):
            several = len(judged) > 1 and not outcome.reason.startswith(outcome.source)
            complain(f"{outcome.source}: {outcome.reason}" if several else outcome.reason)
    return exit_code(judged)
