"""Read pages of events: those that a reader may see, newest first.

In: conditions or kinds, what the reader may see, a place in the log. Out: records. A database that
looks for several kinds at once reads and sorts all events of these kinds, which may be the whole
log; of each kind alone, it reads the newest in the order of an index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

from policyd.audit.decision_queries import within
from policyd.audit.event import DECISION
from policyd.audit.log_event import KINDS
from policyd.audit.moments import Period
from policyd.audit.rows import record_of
from policyd.audit.tables import events
from policyd.audit.visibility import Visibility
from policyd.audit.visible_events import few_visible, place_of
from policyd.model import AuditRecord

_LAST: Final = "~"
"""Sorts after all times."""
_OF_KIND: Final = events.alias("of_kind")


def page_of(
    connection: Connection,
    conditions: Sequence[ColumnElement[bool]],
    limit: int,
    before: int | None,
    visibility: Visibility,
) -> list[AuditRecord]:
    """Return the newest visible events that meet `conditions`, at most `limit`.

    `before` continues a page: the sequence number of the last record seen.
    """
    query = (
        select(events)
        .where(*conditions, *_shown(connection, events, before, visibility))
        .order_by(*_newest_first(events))
        .limit(limit)
    )
    return [record_of(row) for row in connection.execute(query)]


def page_of_kinds(
    connection: Connection,
    kinds: Collection[str],
    period: Period,
    limit: int,
    before: int | None,
    visibility: Visibility,
) -> list[AuditRecord]:
    """Return the newest visible events of `kinds`, or of all kinds, in `period`, as `page_of`."""
    wanted = kinds or (DECISION, *KINDS)
    few = few_visible(connection, visibility)
    if few is not None:
        # An index of the kinds would lead to the events of others.
        kind = func.coalesce(events.c.kind, events.c.kind)
        found = [few, kind.in_(wanted), *within(period)]
        return page_of(connection, found, limit, before, visibility)
    shown = [*within(period, _OF_KIND), *_shown(connection, _OF_KIND, before, visibility)]
    newest = select(_OF_KIND.c.sequence).where(*shown).order_by(*_newest_first(_OF_KIND))
    newest = newest.limit(limit)
    each = [select(newest.where(_OF_KIND.c.kind == kind).subquery()) for kind in wanted]
    return page_of(connection, [events.c.sequence.in_(union_all(*each))], limit, None, visibility)


def time_of(sequence: int) -> Any:
    """Return the time of an event as SQL; for an event that does not exist, one after all times."""
    found = select(events.c.time).where(events.c.sequence == sequence).scalar_subquery()
    return func.coalesce(found, _LAST)


def _newest_first(table: FromClause) -> tuple[ColumnElement[Any], ...]:
    return table.c.time.desc(), table.c.sequence.desc()


def _shown(
    connection: Connection, table: FromClause, before: int | None, visibility: Visibility
) -> list[ColumnElement[bool]]:
    """Return the conditions that an event is visible, has content, and comes after `before`.

    Retention removes the payloads of old decisions.
    """
    found = visibility.conditions(place_of(table), connection.dialect.name)
    found.append(table.c.payload != "")
    if before is not None:
        place = tuple_(table.c.time, table.c.sequence)
        found.append(place < tuple_(time_of(before), literal(before)))
    return found
