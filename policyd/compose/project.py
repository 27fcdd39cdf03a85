"""The effective model of a Compose project, as Compose loads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policyd.compose.nodes import Mark, Node
from policyd.compose.phases.printing import print_project, unprintable
from policyd.compose.positions import locate, node_at
from policyd.compose.table.fields import PROJECT
from policyd.compose.text.model_paths import dotted
from policyd.errors import ComposeError
from policyd.model import Location, NotEvaluated, Path, Unresolved


class Project:
    """The effective model of a project. Made by `policyd.compose.load`.

    `tree` is the model to evaluate, plain dicts, lists and scalars: the services and jobs that
    could run, and the resources that the services use. A hook below `pre_start` holds everything
    that it inherits, and a job the variables of its env files. The tree keeps what printing omits:
    `count: 0`, `device_ids: []`. `directory` is the absolute project directory, `name` the
    project's name. `unresolved` names each variable without a value, `not_evaluated` everything
    that was not looked at, `warnings` the warnings of Compose. `variables` are the values of
    variables that the files use, `masked_reasons` the reasons of `not_evaluated` that quote a
    value, and their forms without it.
    """

    def __init__(
        self,
        name: str,
        directory: str,
        tree: dict[str, Any],
        printed: dict[str, Any],
        root: Node,
        places: dict[Path, Location],
    ) -> None:
        self.name = name
        self.directory = directory
        self.tree = tree
        self.unresolved: tuple[Unresolved, ...] = ()
        self.not_evaluated: tuple[NotEvaluated, ...] = ()
        self.masked_reasons: dict[str, str] = {}
        self.variables: frozenset[str] = frozenset()
        self.warnings: tuple[str, ...] = ()
        self.requested_profiles: tuple[str, ...] = ()
        self._printed = printed
        self._root = root
        self._places = places
        self._written: Mapping[Mark, str] = {}

    def remember_written(self, written: Mapping[Mark, str]) -> None:
        """Keep the texts with variables, by mark, for `written`."""
        self._written = written

    def written(self, path: Path) -> str | None:
        """Return the text of the Compose file that sets the value at `path` of `tree`.

        Variables in it are not replaced. The result is None where no Compose file sets the value.
        """
        node = node_at(self._root, path)
        if node is None or isinstance(node.value, dict | list) or node.value is None:
            return None
        return self._written.get(node.mark, str(node.value))

    def is_from_environment_file(self, path: Path) -> bool:
        """Return whether an environment file sets the value at `path` of `tree`."""
        return path in self._places

    def locate(self, path: Path) -> Location | None:
        """Return the place in the files that decided the value at `path` of `tree`.

        A path that is not in the tree gives the place of its nearest ancestor that is in it. The
        result is None when no file mentions it.
        """
        return locate(self._root, path, self._places)

    def config(self) -> dict[str, Any]:
        """Return what `docker compose config --format json` prints, as a value.

        Every `$` is doubled, in keys too. Raises ComposeError for the only value that Compose loads
        and cannot print as JSON: an SSH key with a path in `build.ssh`.
        """
        path = unprintable(self._printed)
        if path is not None:
            raise ComposeError(
                f"{dotted(path)}: Compose cannot print an SSH key with a path as JSON",
                self.locate(path),
            )
        return print_project(self.name, self._printed, PROJECT)
