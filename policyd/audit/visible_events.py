"""Find the events and the grants that a reader may see without reading all others.

In: what a reader may see, a connection. Out: conditions on the table of events, or of grants. A
reader who may see few of them would otherwise wait until each newer one of others was compared with
the globs: their names are resolved first, by one look at an index for each name, and the rows that
have these names are taken from the index.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, Table, false, func, select

from policyd.audit.tables import events
from policyd.audit.visibility import ALL, Visibility
from policyd.policies.matching import matches_any

FEW: Final = 5_000
"""Rows that are read one by one without a noticeable delay."""
MAX_NAMES: Final = 5_000
"""Limit of the different names of a column that are examined."""
_COLUMNS: Final = {
    "repositories": "repository",
    "environments": "environment",
    "hosts": "host",
}


def few_visible(
    connection: Connection, visibility: Visibility, table: Table = events
) -> ColumnElement[bool] | None:
    """Return a condition that few rows of `table` meet, among them all visible ones.

    Returns None if many rows may. `table` is that of the events or of the grants. Visible rows must
    meet the conditions of `visibility` too.
    """
    listed = table.alias("listed")
    for field, globs in visibility._asdict().items():
        if ALL in globs:
            continue
        column = table.c[_COLUMNS[field]]
        names = connection.execute(_names(column)).scalars().all()
        if len(names) > MAX_NAMES:
            continue
        own = [name for name in names if matches_any(globs, name)]
        if not own:
            return false()
        with_names = listed.c[column.name].in_(own)
        some = select(listed.c.time).where(with_names).limit(FEW + 1).subquery()
        if connection.execute(select(func.count()).select_from(some)).scalar_one() <= FEW:
            return table.c.sequence.in_(select(listed.c.sequence).where(with_names))
    return None


def _names(column: ColumnElement[Any]) -> Select[Any]:
    """Return the query of the different names in `column`: each takes one look at an index."""
    first = select(func.min(column).label("name")).where(column > "")
    found = first.cte("found", recursive=True)
    following = select(func.min(column)).where(column > found.c.name).scalar_subquery()
    found = found.union_all(select(following).where(found.c.name.is_not(None)))
    return select(found.c.name).where(found.c.name.is_not(None)).limit(MAX_NAMES + 1)
