"""The effective model of a Compose project, as Compose loads it."""

from __future__ import annotations

from typing import Any

from policyd.model import Location, NotEvaluated, Path, Unresolved


class Project:
    """The effective model of a project. Made by `policyd.compose.load`.

    `tree` is the model as loaded, plain dicts, lists and scalars (it keeps `count: 0` and
    `device_ids: []`, which printing drops); `directory` the absolute project directory.
    """

    name: str
    directory: str
    tree: dict[str, Any]
    unresolved: tuple[Unresolved, ...]
    not_evaluated: tuple[NotEvaluated, ...]
    warnings: tuple[str, ...]

    def locate(self, path: Path) -> Location | None:
        """Return the place in the files that decided the value at `path` of `tree`.

        A path that is not in the tree gives the place of its nearest ancestor that is; None when
        no file says anything of it.
        """
        raise LookupError(path)

    def config(self) -> dict[str, Any]:
        """Return what `docker compose config --format json` prints, as a value ("$" is doubled)."""
        raise LookupError
