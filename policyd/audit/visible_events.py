"""Find the events and the grants that a reader may see without reading all others.

In: what a reader may see, a connection. Out: conditions on the table of events, or of grants. A
reader who may see few of them would otherwise wait until each newer one of others was compared with
the globs: their names are resolved first, by one look at an index for each name, and the rows that
have these names are taken from the index.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table, false, func, select

from policyd.audit.tables import events
from policyd.audit.visibility import ALL, Visibility
from policyd.policies.matching import matches_any

FEW: Final = 5_000
"""Rows that are read one by one without a noticeable delay."""
SOME: Final = 100_000
"""Rows that are compared with filters in a tenth of a second."""
MAX_NAMES: Final = 5_000
"""Limit of the different names of a column that are examined."""
_COLUMNS: Final = {
    "repositories": "repository",
    "environments": "environment",
    "hosts": "host",
}


def place_of(table: FromClause) -> dict[str, ColumnElement[Any]]:
    """Return the columns of `table` that `Visibility.conditions` compares."""
    return {field: table.c[name] for field, name in _COLUMNS.items()}


PLACE_OF_EVENT: Final = place_of(events)


def few_visible(
    connection: Connection, visibility: Visibility, table: Table = events
) -> ColumnElement[bool] | None:
    """Return a condition that few rows of `table` meet, among them all visible ones.

    Returns None if many rows may. `table` is that of the events or of the grants. Visible rows must
    meet the conditions of `visibility` too.
    """
    listed = table.alias("listed")
    for column, own in _own_names(connection, visibility, table):
        if not own:
            return false()
        with_names = listed.c[column.name].in_(own)
        if _at_most(FEW, connection, listed, with_names):
            return table.c.sequence.in_(select(listed.c.sequence).where(with_names))
    return None


def some_visible(connection: Connection, visibility: Visibility) -> ColumnElement[bool] | None:
    """Return a condition on events that an index looks up, as `few_visible`, for SOME events."""
    listed = events.alias("listed")
    for column, own in _own_names(connection, visibility, events):
        if _at_most(SOME, connection, listed, listed.c[column.name].in_(own)):
            return column.in_(own)
    return None


def _own_names(
    connection: Connection, visibility: Visibility, table: Table
) -> Iterator[tuple[ColumnElement[Any], list[str]]]:
    """Yield each column that limits the reader, and the names in it that the reader may see."""
    for field, globs in visibility._asdict().items():
        if ALL in globs:
            continue
        column = table.c[_COLUMNS[field]]
        names = connection.execute(_names(column)).scalars().all()
        if len(names) <= MAX_NAMES:
            yield column, [name for name in names if matches_any(globs, name)]


def _at_most(
    most: int, connection: Connection, table: FromClause, condition: ColumnElement[bool]
) -> bool:
    """Return whether at most `most` rows of `table` meet `condition`."""
    some = select(table.c.time).where(condition).limit(most + 1).subquery()
    number = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return int(number) <= most


def _names(column: ColumnElement[Any]) -> Select[Any]:
    """Return the query of the different names in `column`: each takes one look at an index."""
    first = select(func.min(column).label("name")).where(column > "")
    found = first.cte("found", recursive=True)
    following = select(func.min(column)).where(column > found.c.name).scalar_subquery()
    found = found.union_all(select(following).where(found.c.name.is_not(None)))
    return select(found.c.name).where(found.c.name.is_not(None)).limit(MAX_NAMES + 1)
