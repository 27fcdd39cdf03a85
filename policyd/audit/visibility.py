"""Which decisions, grants and pushes a reader may see: conditions of queries.

In: globs for repositories, environments and hosts. Out: SQL conditions. Their size does not depend
on the number of repositories in the log. `*` matches any text without a slash, `**` any text. A
field with the glob `**` is not limited; in a limited field, an unknown value ("") is not visible.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, false, func

from policyd.policies.matching import matches_any

ALL: Final = "**"
"""The glob of a field that is not limited. Only then may the value be unknown."""

MATCHES: Final = "policyd_matches"
"""The function of SQLite connections that `matches_one` implements."""

_SEPARATOR: Final = "\n"
"""Between the globs that are handed to `matches_one`. No name has a line break."""


class Visibility(NamedTuple):
    """The globs of a reader. Everything is visible by default."""

    repositories: tuple[str, ...] = (ALL,)
    environments: tuple[str, ...] = (ALL,)
    hosts: tuple[str, ...] = (ALL,)

    def shows(self, repository: str, environment: str, host: str) -> bool:
        """Return whether a decision about these is visible."""
        return all(
            ALL in globs or (bool(name) and matches_any(globs, name))
            for globs, name in zip(self, (repository, environment, host), strict=True)
        )

    def conditions(
        self, columns: Mapping[str, ColumnElement[Any]], dialect: str
    ) -> list[ColumnElement[bool]]:
        """Return the conditions for rows that are visible.

        `columns` has the column of each field. Rows without a column for a limited field are not
        visible. `dialect` is that of the database: sqlite or postgresql.
        """
        return [
            _matches(columns[field], globs, dialect) if field in columns else false()
            for field, globs in self._asdict().items()
            if ALL not in globs
        ]


EVERYTHING: Final = Visibility()


@functools.lru_cache(65_536)
def matches_one(globs: str, name: str | None) -> bool:
    """Return whether one of `globs`, on a line each, matches `name`. SQLite calls it as MATCHES."""
    return bool(name) and matches_any(globs.split(_SEPARATOR), name or "")


def _matches(
    column: ColumnElement[Any], globs: tuple[str, ...], dialect: str
) -> ColumnElement[bool]:
    if not globs:
        return false()
    if dialect == "postgresql":
        return column.op("~", is_comparison=True)(_pattern(globs))
    return func.policyd_matches(_SEPARATOR.join(globs), column) == 1


def _pattern(globs: tuple[str, ...]) -> str:
    """Return the regular expression of PostgreSQL that matches non-empty names like `globs`."""
    return rf"\A(?=.)(?:{'|'.join(map(_expression, globs))})\Z"


def _expression(glob: str) -> str:
    parts = re.split(r"(\*+)", glob)
    return "".join(
        re.escape(part) if number % 2 == 0 else "[^/]*" if part == "*" else ".*"
        for number, part in enumerate(parts)
    )
