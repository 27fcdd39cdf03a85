"""`policyd fix`: edit the files of projects so that mechanical violations end.

In: paths and flags of Compose. Out: a unified diff on standard output, a report on standard error,
and with --apply changed files.
"""

from __future__ import annotations

import os
from typing import Any, Final

import click
import msgspec

from policyd.bootstrap import build, configured_policy_set
from policyd.bundle import DirectoryFiles
from policyd.cli import DENIED, UNDECIDED, complain
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
from policyd.cli.output import on_terminal, show
from policyd.cli.targets import Search, find_targets
from policyd.errors import NotFound, PolicydError
from policyd.fixes.edited_files import write
from policyd.fixes.fixing import DECIDED, Decide, FixedProject, fix_project
from policyd.fixes.mechanical import MECHANICAL
from policyd.fixes.patch import patch
from policyd.formats.available import FIX_REPORT
from policyd.formats.fixes import FixReport
from policyd.formats.table import visible
from policyd.model import Location, Source, Violation
from policyd.services import Services
from policyd.suggestion import did_you_mean

EPILOG: Final = """\b
Examples:
  policyd fix
  policyd fix --apply --recursive
  policyd fix --policy no-privileged > privileged.patch
\b
Only fixes that need no decision are made: `policyd explain ID` says whether
a policy has one. An edit is kept if it ends a violation and causes no other.
Comments and layout stay. Files outside the project and files behind symbolic
links are not changed.
\b
Exit codes: 0 the projects on disk are allowed, 1 they are denied, 2 nothing
was decided.
"""


@click.command("fix", epilog=EPILOG)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--apply", is_flag=True, help="Write the changes. Default: only print them.")
@click.option(
    "--policy", "policies", multiple=True, metavar="ID", help="Fix only this policy. Repeatable."
)
@click.option("-r", "--recursive", is_flag=True, help="Fix all projects in and below each PATH.")
@compose_options
@settings_options("policy_set")
@click.option("--environment", default="", metavar="NAME", help="Environment of the deployment.")
@click.option("--repository", default="", metavar="NAME", help="Repository of the project.")
@click.option("--host", default="", metavar="NAME", help="Host of the deployment.")
def command(
    paths: tuple[str, ...],
    apply: bool,
    policies: tuple[str, ...],
    recursive: bool,
    **options: Any,
) -> int:
    """Fix violations whose fix is mechanical, in the files that cause them.

    Prints the changes as a diff, evaluates the project with them, and says what remains. Without
    --apply, nothing is written.
    """
    flags = compose_flags(options)
    source = Source(**{key: options.pop(key) for key in ("environment", "repository", "host")})
    # Trials are no decisions: they are not recorded.
    chosen = msgspec.structs.replace(local_settings(**options), audit="")
    _check_policies(policies, configured_policy_set(chosen).policies)
    environment = caller_environment()
    search, folder = Search(recursive), current_folder()
    targets, missing = find_targets(paths, flags, folder, search, environment, repository_file())
    for one in missing:
        complain(one.reason)
    services = build(chosen)
    close_at_end(services)
    fixing = _Fixing(services, source, environment, policies, apply)
    codes = [UNDECIDED if missing else 0, *map(fixing.fix, targets)]
    return max(codes)


class _Fixing:
    """Fixes targets with one set of services."""

    def __init__(
        self,
        services: Services,
        source: Source,
        environment: dict[str, str],
        policies: tuple[str, ...],
        apply: bool,
    ) -> None:
        self._services = services
        self._source = source
        self._environment = environment
        self._policies = policies
        self._apply = apply

    def fix(self, target: Target) -> int:
        """Fix one project, print the result, and return the exit code for it."""
        try:
            loaded = bundle(target, EVERY_PROFILE, self._environment)
            files = loaded.files
            assert isinstance(files, DirectoryFiles)
            source = source_of(target, self._source)
            result = fix_project(loaded, self._decider(source), self._policies)
            if self._apply:
                for name, (_, new) in result.texts.items():
                    write(files, name, new)
        except PolicydError as error:
            complain(str(error) if target.source in str(error) else f"{target.source}: {error}")
            return UNDECIDED
        _print_patch(patch(_by_shown_path(files, result)))
        report = _report(target.source, result, files, applied=self._apply)
        show(report, FIX_REPORT, is_error=True)
        on_disk = result.after if self._apply else result.before
        if on_disk.status.code in (*DECIDED, 422):
            return 0 if on_disk.allowed else DENIED
        return UNDECIDED

    def _decider(self, source: Source) -> Decide:
        return lambda project: self._services.decide(project, question(source, "CHECK"))


def _print_patch(text: str) -> None:
    """Print a patch: as it is where a program reads it, and escaped on a terminal."""
    if on_terminal():
        text = "".join(f"{visible(line)}\n" for line in text.splitlines())
    click.echo(text.encode(), nl=False)


def _by_shown_path(files: DirectoryFiles, result: FixedProject) -> dict[str, tuple[str, str]]:
    return {_shown(files, name): texts for name, texts in result.texts.items()}


def _shown(files: DirectoryFiles, name: str) -> str:
    return os.path.relpath(os.path.join(files.root, name))


def _report(
    source: str, result: FixedProject, files: DirectoryFiles, *, applied: bool
) -> FixReport:
    def placed(one: Violation) -> Violation:
        where = one.location
        shown = Location(_shown(files, where.file), where.line, where.column) if where else None
        return msgspec.structs.replace(one, location=shown)

    status = result.before.status
    return FixReport(
        source,
        [placed(one) for one in result.fixed],
        [(placed(one), result.problem(one)) for one in result.after.violations],
        "" if status.code in DECIDED else status.message,
        changes=bool(result.texts),
        applied=applied,
    )


def _check_policies(policies: tuple[str, ...], known: Any) -> None:
    """Raise NotFound for an unknown policy, and for one without a mechanical fix."""
    for policy in policies:
        if policy not in known:
            raise NotFound(f"--policy {policy}: unknown policy{did_you_mean(policy, known)}")
        if policy not in MECHANICAL:
            raise NotFound(
                f"--policy {policy}: its fix is not mechanical; `policyd policies {policy}` "
                "shows the remediation"
            )
