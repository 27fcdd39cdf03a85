"""Decisions as rows of a list, without their content.

In: filters, what the reader may see, a place in the log. Out: rows of at most one page, from the
columns that repeat parts of the events: a list of decisions with a thousand services each does not
read their payloads. Decisions whose content retention removed are listed too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, Unpack

import msgspec
from sqlalchemy import Select, literal, select, tuple_

from policyd.audit.decision_queries import DecisionFilters, conditions, few_found
from policyd.audit.event_queries import time_of
from policyd.audit.store import PAGE
from policyd.audit.tables import events
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.audit.visible_events import PLACE_OF_EVENT

if TYPE_CHECKING:
    from policyd.audit.database import Database


class DecisionRow(msgspec.Struct, frozen=True, rename="camel"):
    """A decision: `policies` are the ids that reported violations, `time` is RFC 3339."""

    sequence: int
    time: str
    decision_id: str
    allowed: bool
    enforcement_point: str
    repository: str
    project: str
    environment: str
    host: str
    policies: tuple[str, ...]
    username: str


class DecisionPage(NamedTuple):
    """Rows, newest first, and whether there are newer and older ones."""

    rows: list[DecisionRow]
    has_newer: bool
    has_older: bool


_COLUMNS: Final = [events.c[name] for name in DecisionRow.__struct_fields__]
_PLACE: Final = (events.c.time, events.c.sequence)


def decision_page(
    database: Database,
    limit: int = PAGE,
    *,
    before: int | None = None,
    after: int | None = None,
    visibility: Visibility = EVERYTHING,
    **filters: Unpack[DecisionFilters],
) -> DecisionPage:
    """Return the newest rows of visible decisions; those before or after a sequence number.

    A page after a sequence number that is not full is the newest one.
    """
    with database.reading() as connection:
        found = conditions(filters, connection, few_found(connection, filters, visibility))
    query = select(*_COLUMNS).where(
        *found, *visibility.conditions(PLACE_OF_EVENT, database.dialect)
    )
    if after is not None:
        first = tuple_(time_of(after), literal(after))
        later = query.where(tuple_(*_PLACE) > first).order_by(*_PLACE).limit(limit + 1)
        rows = _rows(database, later)
        if len(rows) >= limit:
            return DecisionPage(rows[limit - 1 :: -1], len(rows) > limit, True)
        before = None
    if before is not None:
        query = query.where(tuple_(*_PLACE) < tuple_(time_of(before), literal(before)))
    newest_first = query.order_by(*(column.desc() for column in _PLACE)).limit(limit + 1)
    rows = _rows(database, newest_first)
    return DecisionPage(rows[:limit], before is not None, len(rows) > limit)


def _rows(database: Database, query: Select[Any]) -> list[DecisionRow]:
    with database.reading() as connection:
        found = connection.execute(query)
        return [
            DecisionRow(**{**row._mapping, "policies": tuple(row.policies.split())})
            for row in found
        ]
