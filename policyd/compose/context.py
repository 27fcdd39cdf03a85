"""The state that all phases of one load share.

In: a bundle. Out: what the phases report besides the model: variables without a value, things that
were not evaluated, warnings; and the effort that the project has cost so far.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from policyd.compose.effort import Effort
from policyd.compose.nodes import Mark, Node
from policyd.compose.text.posix_paths import join
from policyd.compose.text.template import Lookup
from policyd.masking import masked, visible
from policyd.model import Bundle, Location, NotEvaluated, Unresolved, UnseenKind


class LoadContext:
    """What every phase of one load may read, and where it reports to.

    `home` is the home directory that `~` stands for, "" while it is unknown. `unresolved` holds
    each variable of a Compose file that has no value, with the text that uses it;
    `unresolved_in_files` those of environment files. `variables` are the values of variables that
    were used, `masked_reasons` the masked forms of reasons that quote a value. `written` holds
    texts with variables by the mark of their node, as they were before they were replaced.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.effort = Effort()
        self.home = bundle.environment.get("HOME", "")
        self.unresolved: list[tuple[str, Node]] = []
        self.unresolved_in_files: list[Unresolved] = []
        self.not_evaluated: list[NotEvaluated] = []
        self.masked_reasons: dict[str, str] = {}
        self.variables: set[str] = set()
        self.warnings: list[str] = []
        self.written: dict[Mark, str] = {}

    @property
    def is_lenient(self) -> bool:
        """Whether an absent env file or required variable is reported as not evaluated."""
        return self.bundle.missing == "unknown"

    def report_not_evaluated(
        self, kind: UnseenKind, what: str, reason: str, where: Location | None
    ) -> None:
        """Report something that is not evaluated. `reason` marks the values that it quotes."""
        shown = visible(reason)
        self.not_evaluated.append(NotEvaluated(kind, what, shown, where))
        if shown != reason:
            self.masked_reasons[shown] = masked(reason)

    def noting(self, lookup: Lookup) -> Lookup:
        """Return `lookup`, whose values are added to `variables`."""

        def find(name: str) -> str | None:
            value = lookup(name)
            if value:
                self.variables.add(value)
            return value

        return find

    def record_unresolved(self, variable: str, node: Node) -> None:
        """Record that `variable`, which the text `node` uses, has no value and no default."""
        self.unresolved.append((variable, node))

    def absolute(self, path: str) -> str:
        """Return `path`, which is relative to the caller's working directory, as absolute path.

        "-", the standard input, is returned as it is.
        """
        if path == "-" or path.startswith("/"):
            return path
        return join(self.bundle.working_directory, path)

    def display(self, path: str) -> str:
        """Return `path` as messages show it; "-" is the standard input."""
        return "-" if path == "-" else self.bundle.files.display(self.absolute(path))

    def expand_home(self, path: str, node: Node) -> str:
        """Return `path` with a leading `~` replaced by the home directory.

        Where the home directory is unknown, return `path` unchanged and record that the value at
        `node` was not evaluated.
        """
        if not path.startswith("~"):
            return path
        if not self.home:
            reason = "`~` is the home directory of the user who deploys, which is unknown here"
            self.report_not_evaluated("home", str(node.value), reason, node.location)
            return path
        return join(self.home, path[1:])


class Scope(msgspec.Struct, frozen=True):
    """What applies to all files of one model: the main one, or an included one.

    `directory` is the directory that relative paths in values are joined to; it may itself be
    relative, to the directory of the including file. `base` is the directory in which the files
    that the model names are searched. `included` holds the files on the way from the main file,
    `depth` counts the includes on that way.
    """

    directory: str
    base: str
    environment: Mapping[str, str]
    included: tuple[str, ...] = ()
    depth: int = 0
