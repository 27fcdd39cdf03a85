"""Conditions on the table of events: when, where, by whom, with which grants and exceptions.

In: filters, what the reader may see. Out: conditions for a query of `tables.events`. Times are
RFC 3339 in UTC with nanoseconds.
"""

from __future__ import annotations

import functools
from typing import Final, TypedDict

from sqlalchemy import ColumnElement, Connection, FromClause, exists, false, select

from policyd.audit.event import DECISION
from policyd.audit.grant_queries import has_device, with_device
from policyd.audit.index_choice import (
    FEW,
    Asked,
    has_rare,
    intersected,
    led,
    reporting,
    unindexed,
)
from policyd.audit.moments import ALWAYS, Period
from policyd.audit.tables import REPORTED, events, exception_uses, grants
from policyd.audit.visibility import Visibility
from policyd.audit.visible_events import PLACE_OF_EVENT, few_visible, some_visible


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


PAGES: Final = 200
"""Events that fill some pages: with more, the newest are found in the order of their times."""
_COLUMNS: Final = {
    "commit": events.c.commit_id,
    "project": events.c.project,
    "repository": events.c.repository,
    "username": events.c.username,
    "host": events.c.host,
    "environment": events.c.environment,
    "enforcement_point": events.c.enforcement_point,
    "allowed": events.c.allowed,
}
"""The columns of filters, each with an index. The first usually selects the fewest events."""


def conditions(
    filters: DecisionFilters,
    connection: Connection | None = None,
    few: ColumnElement[bool] | None = None,
) -> list[ColumnElement[bool]]:
    """Return the conditions of `filters` on decisions in `tables.events`.

    With a `connection`, they are chosen by how often the values occur in the log, for a query that
    reads few events. With `few`, a condition that few events meet, no other one uses an index.
    Raises TypeError for another filter, which would otherwise exclude nothing.
    """
    if unknown := filters.keys() - DecisionFilters.__annotations__.keys():
        raise TypeError(f"there are no filters {sorted(unknown)}")
    policy, gpu, exception = filters.get("policy"), filters.get("gpu"), filters.get("exception")
    span = functools.partial(within, filters.get("period", ALWAYS))
    asked = _asked(filters)
    kind: Asked = (events.c.kind, DECISION)
    found: list[ColumnElement[bool]] = []
    if gpu is not None and connection is not None and few is None:
        granting = with_device(connection, gpu, FEW)
        few = None if granting is None else events.c.sequence.in_(granting)
    is_few = few is not None
    if few is not None:
        found = [few]
    elif connection is not None and policy is not None:
        found, is_few = reporting(connection, policy, span)
    # Few events have an exception, or violations: these have indexes of their own.
    if exception is not None or is_few or (policy is not None and not asked):
        found += unindexed([*asked, kind])
    elif asked and connection is not None:
        found += [*intersected(connection, asked, span), *unindexed([kind])]
    else:
        found += led([*asked, kind])
    found += span()
    if policy is not None:
        found.append(events.c.policies.contains(f" {policy} ", autoescape=True))
        found.append(REPORTED)
    if gpu is not None:
        granted = exists().where(grants.c.sequence == events.c.sequence, has_device(gpu))
        found.append(granted)
    if exception is not None:
        uses = select(exception_uses.c.sequence).where(exception_uses.c.exception == exception)
        found.append(events.c.sequence.in_(uses))
    return found


def few_found(
    connection: Connection, filters: DecisionFilters, visibility: Visibility
) -> ColumnElement[bool] | None:
    """Return a condition that few events meet, among them all visible ones that `filters` select.

    Returns None if many may, and if an index leads to few events anyway. Otherwise a reader who may
    see some events would wait until all events of others that meet `filters` were read.
    """
    few = few_visible(connection, visibility)
    asked = _asked(filters)
    if few is not None or not (asked or filters.get("gpu")) or filters.get("exception"):
        return few
    span = functools.partial(within, filters.get("period", ALWAYS))
    policy = filters.get("policy")
    is_rare = policy is not None and reporting(connection, policy, span)[1]
    some = (
        None
        if is_rare or has_rare(connection, asked, span)
        else some_visible(connection, visibility)
    )
    if some is None:
        return None
    visible = visibility.conditions(PLACE_OF_EVENT, connection.dialect.name)
    query = select(events.c.sequence).where(*conditions(filters, few=some), *visible)
    found = connection.execute(query.limit(PAGES + 1)).scalars().all()
    if not found:
        return false()
    return events.c.sequence.in_(found) if len(found) <= PAGES else None


def _asked(filters: DecisionFilters) -> list[Asked]:
    return [
        (column, filters.get(name))
        for name, column in _COLUMNS.items()
        if filters.get(name) is not None
    ]


def within(period: Period, table: FromClause = events) -> list[ColumnElement[bool]]:
    """Return the conditions that an event in `table` is of `period`."""
    found: list[ColumnElement[bool]] = []
    if period.since:
        found.append(table.c.time >= period.since)
    if period.until:
        found.append(table.c.time < period.until)
    return found
