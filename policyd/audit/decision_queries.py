"""Conditions on the table of events: when, where, by whom, with which grants and exceptions.

In: filters. Out: conditions for a query of `tables.events`. Times are RFC 3339 in UTC with
nanoseconds.
"""

from __future__ import annotations

from typing import Final, TypedDict

from sqlalchemy import ColumnElement, exists, select

from policyd.audit.event import DECISION
from policyd.audit.grant_queries import has_device
from policyd.audit.moments import ALWAYS, Period
from policyd.audit.tables import events, exception_uses, grants


class DecisionFilters(TypedDict, total=False):
    """Which decisions are found; a filter that is None or left out excludes none.

    `policy` is the id of one that reported a violation, `gpu` a name of a device that was granted,
    `exception` one that changed the decision.
    """

    period: Period
    allowed: bool | None
    repository: str | None
    project: str | None
    environment: str | None
    host: str | None
    username: str | None
    commit: str | None
    enforcement_point: str | None
    policy: str | None
    gpu: str | None
    exception: str | None


_COLUMNS: Final = {
    "allowed": events.c.allowed,
    "repository": events.c.repository,
    "project": events.c.project,
    "environment": events.c.environment,
    "host": events.c.host,
    "username": events.c.username,
    "commit": events.c.commit_id,
    "enforcement_point": events.c.enforcement_point,
}


def conditions(filters: DecisionFilters) -> list[ColumnElement[bool]]:
    """Return the conditions of `filters` on decisions in `tables.events`.

    Raises TypeError for another filter, which would otherwise exclude nothing.
    """
    if unknown := filters.keys() - DecisionFilters.__annotations__.keys():
        raise TypeError(f"there are no filters {sorted(unknown)}")
    values: dict[str, object] = {name: filters.get(name) for name in _COLUMNS}
    # Where few events are looked up by their number, an index of kinds would have all read.
    kind = events.c.kind if filters.get("exception") is None else events.c.kind.concat("")
    found = [kind == DECISION, *within(filters.get("period", ALWAYS))]
    found += [_COLUMNS[name] == value for name, value in values.items() if value is not None]
    policy, gpu, exception = filters.get("policy"), filters.get("gpu"), filters.get("exception")
    if policy is not None:
        found.append(events.c.policies.contains(f" {policy} ", autoescape=True))
    if gpu is not None:
        granted = exists().where(grants.c.sequence == events.c.sequence, has_device(gpu))
        found.append(granted)
    if exception is not None:
        uses = select(exception_uses.c.sequence).where(exception_uses.c.exception == exception)
        found.append(events.c.sequence.in_(uses))
    return found


def within(period: Period) -> list[ColumnElement[bool]]:
    """Return the conditions that an event is of `period`."""
    found: list[ColumnElement[bool]] = []
    if period.since:
        found.append(events.c.time >= period.since)
    if period.until:
        found.append(events.c.time < period.until)
    return found
