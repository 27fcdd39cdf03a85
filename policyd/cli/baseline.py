"""`policyd baseline`: accept the violations that are there, and report only new ones.

In: paths and flags of Compose. Out: a baseline file, or the comparison with one; the exit code.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from policyd.adoption.baseline import (
    FILE_NAME,
    SEPARATOR,
    Baseline,
    Comparison,
    Known,
    compare,
    known_violations,
    read_baseline,
    without_known,
    write_baseline,
)
from policyd.bootstrap import build
from policyd.bundle import DirectoryFiles
from policyd.cli import DENIED, UNDECIDED, complain
from policyd.cli.many import MANY, outcomes, survives_fork
from policyd.cli.options import (
    EVERY_PROFILE,
    Command,
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
from policyd.cli.output import format_option, show
from policyd.cli.progress import with_progress
from policyd.cli.report_files import (
    described_policies,
    report_files,
    report_option,
    write_reports,
)
from policyd.cli.targets import Search, find_targets
from policyd.config import Settings
from policyd.errors import ConfigError, PolicydError
from policyd.formats.available import BASELINE
from policyd.formats.baseline import BaselineReport
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import Reviewed, reviewed
from policyd.model import Source, Undecided
from policyd.policies.packs import Policy

EPILOG: Final = f"""\b
Examples:
  policyd baseline create --recursive
  policyd baseline check --recursive
\b
The baseline is {FILE_NAME} in this folder; commit it.
An entry holds for one value of one place: it does not depend on lines or the
order of lists, and when the value changes, the violation is new. Only
violations that deny have entries. `policyd check`, the webhook and the
registry ignore the baseline.
"""


class Asked(msgspec.Struct, frozen=True):
    """The question about all targets. `folder` is that of the baseline."""

    source: Source
    environment: dict[str, str]
    settings: Settings
    folder: str


class Evaluated(msgspec.Struct, frozen=True):
    """The result for one project: its name in the baseline, or why it is not known.

    `problem` is set for a project that does not load (`is_decided`) or was not decided. `result` is
    None if there is no decision.
    """

    source: str
    project: str
    found: tuple[Known, ...] = ()
    problem: str = ""
    is_decided: bool = True
    result: Reviewed | None = None


@click.group("baseline", epilog=EPILOG)
def command() -> None:
    """Accept the violations that are there, and report only new ones.

    `create` writes all present violations to a file, and `check` fails only for others.
    """


def _options(command: Command) -> Command:
    for option in reversed(
        [
            click.argument("paths", nargs=-1, metavar="[PATH]..."),
            click.option(
                "--baseline",
                "file",
                type=click.Path(path_type=Path),
                default=Path(FILE_NAME),
                show_default=True,
                metavar="FILE",
                help="The baseline.",
            ),
            click.option("-r", "--recursive", is_flag=True, help="All projects below each PATH."),
            compose_options,
            settings_options("policy_set"),
            click.option("--repository", default="", metavar="NAME", help="Repository."),
            click.option("--environment", default="", metavar="NAME", help="Environment."),
            click.option("--host", default="", metavar="NAME", help="Host of the deployment."),
        ]
    ):
        command = option(command)
    return command


@command.command("create")
@_options
def create(file: Path, **options: Any) -> int:
    """Write the present violations to the baseline.

    Replaces the entries of the projects that are evaluated; those of other projects that still
    exist stay.
    """
    _, evaluated = _evaluate(file, options)
    code = _complain(evaluated)
    projects = {one.project for one in evaluated if not one.problem}
    before = read_baseline(file) if file.exists() else Baseline()
    exists = _exists(file)
    kept = [one for one in before.entries if one.project not in projects and exists(one.project)]
    found = [known.entry for one in evaluated for known in one.found]
    write_baseline(file, [*kept, *found])
    count = len(found) + len(kept)
    change = count - len(before.entries)
    entries = "1 entry" if count == 1 else f"{count} entries"
    evaluated_ones = "1 project" if len(projects) == 1 else f"{len(projects)} projects"
    click.echo(f"{file}: {entries} ({change:+d}), {evaluated_ones} evaluated")
    return code


@command.command("check")
@_options
@format_option(BASELINE)
@report_option
def check(file: Path, form: str, reports: tuple[str, ...], **options: Any) -> int:
    """Evaluate projects, and fail only for violations that are not in the baseline.

    In formats other than text and json, violations in the baseline are left out, or marked as
    suppressed where the format allows it.

    Exit codes: 0 nothing new, 1 new violations or a project that does not load, 2 a project was
    not decided.
    """
    files = report_files(reports)
    if not file.exists():
        raise ConfigError(f"{file}: there is no baseline; `policyd baseline create` writes it")
    baseline = read_baseline(file)
    settings, evaluated = _evaluate(file, options)
    compared = compare(
        baseline,
        [known for one in evaluated for known in one.found],
        [one.project for one in evaluated if not one.problem],
        _exists(file),
    )
    broken = [
        Undecided(one.source, one.problem) for one in evaluated if one.problem and one.is_decided
    ]
    policies = described_policies(settings, {form, *files.values()})
    report = _report(file, evaluated, compared, policies)
    document = BaselineReport(str(file), compared, broken, report)
    show(document, BASELINE, form)
    undecided = _complain([one for one in evaluated if not one.is_decided])
    if not write_reports(document, BASELINE, files):
        return UNDECIDED
    return undecided or (DENIED if compared.new or compared.changed or broken else 0)


def _report(
    file: Path,
    evaluated: Sequence[Evaluated],
    compared: Comparison,
    policies: Mapping[str, Policy],
) -> Report:
    """Return the report on all projects, in which the known violations are exempted."""
    accepted = {id(one) for one in compared.known}
    results, undecided = [], []
    for each in evaluated:
        if each.result is None or not each.is_decided:
            undecided.append(Undecided(each.source, each.problem))
            continue
        known = [one.violation for one in each.found if id(one) in accepted]
        decision = without_known(each.result.decision, known, str(file))
        results.append(msgspec.structs.replace(each.result, decision=decision))
    return Report(results, undecided, policies)


def _evaluate(file: Path, options: dict[str, Any]) -> tuple[Settings, list[Evaluated]]:
    """Return the settings, and the result for each project that `options` name."""
    paths, recursive = options.pop("paths"), options.pop("recursive")
    flags = compose_flags(options)
    source = Source(**{key: options.pop(key) for key in ("repository", "environment", "host")})
    environment = caller_environment()
    chosen = msgspec.structs.replace(local_settings(**options), audit="")
    asked = Asked(source, environment, chosen, os.path.realpath(file.parent))
    search, folder = Search(recursive), current_folder()
    targets, missing = find_targets(paths, flags, folder, search, environment, repository_file())
    lost = [Evaluated(one.source, "", (), one.reason, False) for one in missing]
    make = functools.partial(evaluator, asked, many=len(targets) >= MANY)
    found = outcomes(targets, make, survives_fork=survives_fork(chosen))
    return chosen, [*lost, *with_progress(found, len(targets))]


def evaluator(asked: Asked, *, many: bool = False) -> Callable[[Target], Evaluated]:
    """Return the evaluator of targets in this process; `many` says that there are many."""
    services = build(asked.settings, many=many)
    close_at_end(services)

    def ask(target: Target) -> Evaluated:
        project = _project(target, asked.folder)
        try:
            loaded = bundle(target, EVERY_PROFILE, asked.environment)
            decision = services.decide(loaded, question(source_of(target, asked.source), "CHECK"))
        except PolicydError as error:
            return Evaluated(target.source, project, (), str(error), False)
        status = decision.status
        files = loaded.files
        assert isinstance(files, DirectoryFiles)
        result = reviewed(target.source, decision, files.root, files.shown)
        if status.code not in (200, 403):
            is_decided = status.code == 422
            return Evaluated(target.source, project, (), status.message, is_decided, result)

        def relative(name: str) -> str:
            return os.path.relpath(os.path.realpath(os.path.join(files.root, name)), asked.folder)

        found = known_violations(decision, project, files.shown, relative)
        return Evaluated(target.source, project, found, result=result)

    return ask


def _project(target: Target, folder: str) -> str:
    """Return the name of a project in a baseline in `folder`: its folder, and named files."""
    place = os.path.relpath(os.path.realpath(target.directory), folder)
    return SEPARATOR.join([place, *target.flags.files])


def _exists(file: Path) -> Callable[[str], bool]:
    folder = file.parent

    def exists(project: str) -> bool:
        return (folder / project.split(SEPARATOR)[0]).is_dir()

    return exists


def _complain(evaluated: list[Evaluated]) -> int:
    """Report the projects without a result, and return the exit code for them."""
    code = 0
    for one in evaluated:
        if one.problem:
            complain(
                one.problem
                if one.problem.startswith(f"{one.source}:")
                else f"{one.source}: {one.problem}"
            )
            code = max(code, DENIED if one.is_decided else UNDECIDED)
    return code
