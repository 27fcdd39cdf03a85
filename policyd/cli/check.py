"""`policyd check`: evaluate the projects that a caller names.

In: paths, flags of Compose, and what the review is about. Out: decisions on standard output and in
report files, what could not be decided on standard error, and the exit code.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, get_args

import click
import msgspec

from policyd.adoption.repository_file import RepositoryFile
from policyd.bootstrap import build
from policyd.bundle import DirectoryFiles
from policyd.cli import DENIED, UNDECIDED, complain
from policyd.cli.changed import Untouched, touches
from policyd.cli.many import MANY, Evaluator, Outcome, outcomes, survives_fork
from policyd.cli.options import (
    EVERY_PROFILE,
    Target,
    bundle,
    caller_environment,
    close_at_end,
    compose_flags,
    compose_options,
    current_folder,
    local_settings,
    question,
    repository_file,
    settings_options,
    source_of,
)
from policyd.cli.output import ColourChoice, colour_option, columns, format_option, show
from policyd.cli.progress import with_progress
from policyd.cli.report_files import (
    described_policies,
    report_files,
    report_option,
    write_reports,
)
from policyd.cli.targets import OCI, Search, find_targets, names_projects
from policyd.config import Settings
from policyd.errors import ConfigError, PolicydError
from policyd.formats.report.available import REPORT
from policyd.formats.report.entries import Report, TextView
from policyd.formats.report.reviewed import Reviewed, reviewed
from policyd.model import Bundle, Operation, Source, Undecided
from policyd.policies.packs import Policy

if TYPE_CHECKING:
    from policyd.discovery.changes import Changes

DECIDING: Final = (200, 403, 422)
"""Status codes of a verdict. Any other code means that the engine or the audit log failed."""

EPILOG: Final = """\b
Examples:
  policyd check
  policyd check compose.yaml apps/* --environment prod
  policyd check -f compose.yaml -f compose.prod.yaml --format json
  git show HEAD:compose.yaml | policyd check -
  policyd check --recursive --quiet --only-denied
  policyd check --changed-since origin/main
\b
A PATH is a folder with a project, a Compose file, - for standard input, or
oci://REGISTRY/REPOSITORY:TAG for a project that was published to a registry.
--recursive evaluates all projects below each PATH: compose.yaml with its
override, each compose.NAME.yaml over it, and each other Compose file. Files
that Git ignores are left out, and links to folders are not followed.
Every profile is enabled, whatever --profile says, because a profile that is
off today can be enabled tomorrow. ${VARIABLES} have the values that they have
for Compose.
\b
Exit codes: 0 allowed, 1 denied (also when Compose would refuse the project),
2 nothing was decided; over several paths 2 if any was undecided, else 1 if
any was denied.
"""


@click.command("check", epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "-r", "--recursive", is_flag=True, help="Evaluate all projects in and below each PATH."
)
@click.option(
    "--changed-since",
    metavar="REF",
    help="Like --recursive, but only projects with a file that changed since the Git ref REF.",
)
@click.option(
    "--no-ignore", "with_ignored", is_flag=True, help="Also search what .gitignore files exclude."
)
@compose_options
@settings_options("policy_set", "audit", "images")
@click.option("--repository", default="", metavar="NAME", help="Repository of the project.")
@click.option(
    "--environment",
    default="",
    metavar="NAME",
    help="Environment of the deployment: prod, staging, …",
)
@click.option("--host", default="", metavar="NAME", help="Host of the deployment.")
@click.option("--ref", default="", metavar="REF", help="Git ref under review.")
@click.option("--commit", default="", metavar="ID", help="Commit under review.")
@click.option(
    "--operation",
    type=click.Choice(get_args(Operation)),
    default="CHECK",
    show_default=True,
    help="CHECK only evaluates. With --audit, CREATE and UPDATE record grants; DELETE releases.",
)
@click.option(
    "--explain-match",
    is_flag=True,
    help="State why each constraint and exception applies or does not apply, field by field.",
)
@format_option(REPORT, help_text="Format of standard output.")
@report_option
@click.option("-q", "--quiet", is_flag=True, help="Print only verdicts; requires --format text.")
@click.option(
    "--only-denied",
    is_flag=True,
    help="Leave out projects that are allowed; requires --format text.",
)
@colour_option
def command(
    paths: tuple[str, ...],
    recursive: bool,
    changed_since: str | None,
    with_ignored: bool,
    form: str,
    reports: tuple[str, ...],
    explain_match: bool,
    quiet: bool,
    only_denied: bool,
    colour: ColourChoice,
    **options: Any,
) -> int:
    """Evaluate projects and report what to change.

    Evaluates the project in each PATH (default: this folder). Nothing is started or changed, and
    nothing is fetched without --images inspect.
    """
    if form != "text" and (quiet or only_denied):
        raise click.UsageError("--quiet and --only-denied require --format text")
    repository = repository_file()
    flags = compose_flags(options)
    source = Source(**{name: options.pop(name) for name in Source.__struct_fields__})
    folder, environment = current_folder(), caller_environment()
    changes = _changes(changed_since, folder) if changed_since is not None else None
    operation = options.pop("operation")
    asked = Asked(source, operation, explain_match, environment, local_settings(**options), changes)
    search = Search(recursive, with_ignored)
    by_file = repository and names_projects(repository, paths, flags, folder, search)
    files = report_files(reports) or (_own_reports(repository) if repository and by_file else {})
    if changes and not by_file:
        search = Search(recursive=True, with_ignored=with_ignored)
    targets, missing = find_targets(paths, flags, folder, search, environment, repository)
    make = functools.partial(evaluator, asked, many=len(targets) >= MANY)
    found = outcomes(targets, make, survives_fork=survives_fork(asked.settings))
    evaluated = with_progress(found, len(targets))
    touched = [one for one in evaluated if not isinstance(one, Untouched)]
    if changes and len(touched) < len(evaluated):
        left_out = len(evaluated) - len(touched)
        complain(
            f"{left_out} of {len(evaluated)} projects have no change since {changes.ref}", "note"
        )
    policies = described_policies(asked.settings, {form, *files.values()})
    shown = Shown(form, colour, TextView(quiet, only_denied, columns()))
    return _report([*missing, *touched], shown, files, policies)


class Shown(msgspec.Struct, frozen=True):
    """How standard output shows the report: its format, its colours, and the view of text."""

    form: str
    colour: ColourChoice
    view: TextView


class Asked(msgspec.Struct, frozen=True):
    """The question about all targets, and the settings to answer it with."""

    source: Source
    operation: Operation
    explain_match: bool
    environment: dict[str, str]
    settings: Settings
    changes: Changes | None = None


def evaluator(asked: Asked, *, many: bool = False) -> Evaluator:
    """Return the evaluator of targets in this process; `many` says that there are many."""
    services = build(asked.settings, many=many)
    close_at_end(services)

    def ask(target: Target) -> Outcome:
        try:
            loaded = _loaded(target, asked)
            if asked.changes and not touches(asked.changes, loaded, asked.settings):
                return Untouched(target.source)
            review = question(source_of(target, asked.source), asked.operation)
            decision = services.decide(loaded, review)
        except PolicydError as error:
            return Undecided(target.source, str(error))
        except Exception as error:  # noqa: BLE001 (one target must not hide the results of others)
            return Undecided(target.source, f"internal error: {error!r}")
        matches = services.explain(review, decision) if asked.explain_match else ()
        files = loaded.files
        folder = files.root if isinstance(files, DirectoryFiles) else ""
        return reviewed(target.source, decision, folder, files.shown, msgspec.to_builtins(matches))

    return ask


def _changes(ref: str, folder: str) -> Changes:
    # Imported here because few commands ask Git.
    from policyd.discovery.changes import changes_since

    return changes_since(ref, folder)


def _loaded(target: Target, asked: Asked) -> Bundle:
    """Return the files of `target`: those on disk, or of an artifact in a registry."""
    if not target.directory.startswith(OCI):
        return bundle(target, EVERY_PROFILE, asked.environment)
    # Imported here because only artifacts need an HTTP client.
    from policyd.registry.project_artifact import fetched

    return msgspec.structs.replace(
        fetched(target.source, asked.settings),
        environment=asked.environment,
        project_name=target.flags.project_name,
    )


def exit_code(evaluated: Sequence[Reviewed | Undecided]) -> int:
    """Return 2 if any of `evaluated` is undecided, else 1 if any is denied, else 0."""
    decided = [outcome for outcome in evaluated if isinstance(outcome, Reviewed)]
    if len(decided) < len(evaluated) or any(
        result.decision.status.code not in DECIDING for result in decided
    ):
        return UNDECIDED
    return 0 if all(result.decision.allowed for result in decided) else DENIED


def _own_reports(repository: RepositoryFile) -> dict[str, str]:
    """Return the format of each report that the repository names, by its file.

    Raises ConfigError for a file that a link takes elsewhere.
    """
    root = os.path.realpath(repository.root)
    files = {}
    for form, name in repository.reports.items():
        path = os.path.join(root, name)
        if os.path.realpath(path) != path:
            raise ConfigError(
                f"{repository.path}: reports.{form}: {name} is reached through a symbolic link"
            )
        files[path] = form
    return files


def _report(
    evaluated: Sequence[Reviewed | Undecided],
    shown: Shown,
    files: Mapping[str, str],
    policies: Mapping[str, Policy],
) -> int:
    """Print and write the reports on `evaluated`, and return the exit code."""
    decided = [outcome for outcome in evaluated if isinstance(outcome, Reviewed)]
    undecided = [outcome for outcome in evaluated if isinstance(outcome, Undecided)]
    report = Report(decided, undecided, policies)
    if decided or shown.form != "text":
        viewed = msgspec.structs.replace(report, view=shown.view)
        show(viewed, REPORT, shown.form, shown.colour)
    for one in undecided:
        several = len(evaluated) > 1 and not one.reason.startswith(one.source)
        complain(f"{one.source}: {one.reason}" if several else one.reason)
    return exit_code(evaluated) if write_reports(report, REPORT, files) else UNDECIDED
