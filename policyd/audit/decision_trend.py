"""How many decisions were allowed and denied on each day.

In: filters, a period, what the reader may see. Out: counts by day of UTC. At most `most` of the
newest decisions that fit are read, so the time does not grow with the log. Errors: AuditError.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Unpack

from sqlalchemy import func, select

from policyd.audit.decision_queries import DecisionFilters, conditions
from policyd.audit.event import rfc3339
from policyd.audit.moments import Period
from policyd.audit.store import Store
from policyd.audit.tables import events
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.audit.visible_events import PLACE_OF_EVENT

MOST: Final = 2_000
"""Decisions that are counted at most."""
_DATE: Final = len("2026-11-30")
_SECOND: Final = 1_000_000_000


class Day(NamedTuple):
    """A day, as in 2026-11-30, and its numbers of decisions."""

    day: str
    allowed: int
    denied: int


class Trend(NamedTuple):
    """Days that follow one another. With `is_capped`, older decisions were not counted."""

    days: list[Day]
    is_capped: bool


def trend(
    store: Store,
    days: int,
    now: int,
    *,
    visibility: Visibility = EVERYTHING,
    most: int = MOST,
    **filters: Unpack[DecisionFilters],
) -> Trend:
    """Return the numbers of decisions of each of the last `days` days until `now`.

    `now` is in nanoseconds since the epoch. The newest `most` decisions are counted. Days without
    decisions are listed too.
    """
    today = datetime.fromtimestamp(now // _SECOND, UTC).date()
    names = [f"{today - timedelta(days=back)}" for back in reversed(range(days))]
    filters["period"] = Period(since=f"{names[0]}T00:00:00.000000000Z", until=rfc3339(now + 1))
    newest = (
        select(func.substr(events.c.time, 1, _DATE).label("day"), events.c.allowed)
        .where(*conditions(filters))
        .where(*visibility.conditions(PLACE_OF_EVENT, store.database.dialect))
        .order_by(events.c.time.desc(), events.c.sequence.desc())
        .limit(most)
        .subquery()
    )
    query: Any = select(newest.c.day, newest.c.allowed, func.count()).group_by(
        newest.c.day, newest.c.allowed
    )
    with store.database.reading() as connection:
        counted = {
            (day, bool(allowed)): number for day, allowed, number in connection.execute(query)
        }
    found = [Day(day, counted.get((day, True), 0), counted.get((day, False), 0)) for day in names]
    return Trend(found, sum(counted.values()) >= most)
