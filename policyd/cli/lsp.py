"""`policyd lsp`: a language server for editors, with diagnostics and explanations of policies.

In: the messages of an editor on standard input. Out: those of the server on standard output.
Source: Language Server Protocol 3.17.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from policyd.bootstrap import configured_policy_set
from policyd.cli.check import Asked, evaluator
from policyd.cli.options import (
    ComposeFlags,
    Target,
    caller_environment,
    local_settings,
    settings_options,
)
from policyd.config import Settings
from policyd.discovery.search import default_files
from policyd.errors import ConfigError
from policyd.formats.available import POLICY
from policyd.formats.policies import PolicyInSet
from policyd.formats.report.diagnostics import Diagnostic
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import Reviewed
from policyd.model import Source, Undecided

EPILOG: Final = """\b
Examples:
  policyd lsp
  policyd lsp --level restricted
\b
Start it from an editor that knows the Language Server Protocol, for Compose
files. A project is evaluated when one of its files is opened or saved: the
violations are marked at their lines, and the hover text of a line explains
its policies. It needs the package pygls: pip install 'policyd[lsp]'.
"""

_OVERLAY: Final = re.compile(r"(docker-)?compose[.].+[.]ya?ml")


@click.command("lsp", epilog=EPILOG)
@settings_options("policy_set")
@click.option("--environment", default="", metavar="NAME", help="Environment of the deployment.")
def command(environment: str, **options: Any) -> int:
    """Serve an editor: mark violations, and explain policies."""
    try:
        from policyd.cli.language_server import serve
    except ImportError as error:
        raise ConfigError(
            "the language server needs the package pygls: pip install 'policyd[lsp]'"
        ) from error
    chosen = msgspec.structs.replace(local_settings(**options), audit="")
    serve(Evaluation(chosen, Source(environment=environment)))
    return 0


class Evaluation:
    """Evaluates the project of a file, and explains policies."""

    def __init__(self, settings: Settings, source: Source) -> None:
        """Raises PolicySetError and ConfigError."""
        asked = Asked(source, "CHECK", False, caller_environment(), settings)
        self._evaluate = evaluator(asked)
        self._policy_set = configured_policy_set(settings)

    def of_file(self, path: str) -> dict[str, list[Diagnostic]]:
        """Return the diagnostics of the project of the file `path`, by absolute path."""
        outcome = self._evaluate(project_of(path))
        if isinstance(outcome, Undecided):
            return {path: [Diagnostic(0, 0, 1, "error", "evaluation-failed", outcome.reason)]}
        if not isinstance(outcome, Reviewed):
            return {}
        found = Diagnostic.by_file(Report([outcome]))
        return {str(Path(file).absolute()): every for file, every in found.items()}

    def explanation(self, policy: str) -> str:
        """Return what `policy` is about, as Markdown; "" for what is not a policy."""
        known = self._policy_set.policies.get(policy)
        return POLICY["markdown"](PolicyInSet(known, self._policy_set)) if known else ""


def project_of(path: str) -> Target:
    """Return the project that the file `path` belongs to.

    It is that of its folder for compose.yaml and its override, compose.yaml with the file over it
    for an overlay such as compose.prod.yaml, and otherwise the file alone.
    """
    file = Path(path)
    folder, usual = str(file.parent), default_files(str(file.parent))
    files: tuple[str, ...] = (file.name,)
    if file.name in usual:
        files = ()
    elif usual and _OVERLAY.fullmatch(file.name):
        files = (usual[0], file.name)
    return Target(path, folder, ComposeFlags(files=files))
