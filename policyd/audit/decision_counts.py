"""How many decisions there are: by their fields, and by the policies that reported violations.

In: filters, a period, what the reader may see. Out: counts. No query reads more than `most` of the
newest decisions that fit, so its time does not grow with the log; a count that this limits is
marked. Times are RFC 3339 in UTC with nanoseconds. Errors: AuditError.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, Unpack

import msgspec
from sqlalchemy import ColumnElement, Row, Select, and_, case, func, select, true

from policyd.audit import decision_queries
from policyd.audit.decision_queries import DecisionFilters, within
from policyd.audit.moments import Period
from policyd.audit.store import Store
from policyd.audit.tables import REPORTED, events
from policyd.audit.visibility import EVERYTHING, Visibility

MOST: Final = 10_000
"""The number of decisions that are counted at most."""

_LOOKED_AT: Final = 5
"""How many times as many decisions are looked at for a reader who may see a part of them."""

_PLACE: Final = {
    "repositories": events.c.repository,
    "environments": events.c.environment,
    "hosts": events.c.host,
}
_FIELDS: Final = {
    "allowed": events.c.allowed,
    "repository": events.c.repository,
    "environment": events.c.environment,
    "host": events.c.host,
    "username": events.c.username,
    "enforcement_point": events.c.enforcement_point,
    "policies": events.c.policies,
}


class Count(NamedTuple):
    """A value of a field, and the number of decisions that have it."""

    value: str
    decisions: int


class Facets(msgspec.Struct, frozen=True):
    """The values of the fields of decisions, most decisions first; "" is an unknown value.

    The verdict is "allowed" or "denied", `policy` are those that reported violations. `decisions`
    were counted. With `is_capped` there are more, and only the newest were counted.
    """

    decisions: int
    is_capped: bool
    verdict: tuple[Count, ...]
    repository: tuple[Count, ...]
    environment: tuple[Count, ...]
    host: tuple[Count, ...]
    username: tuple[Count, ...]
    enforcement_point: tuple[Count, ...]
    policy: tuple[Count, ...]


class PolicyHits(msgspec.Struct, frozen=True):
    """The decisions in which a policy reported violations at an enforcement point.

    `decisions` includes those that were allowed with a warning, `denied` does not. `repositories`
    is their number, `last` the time of the last decision.
    """

    policy: str
    enforcement_point: str
    decisions: int
    denied: int
    repositories: int
    last: str


class Hits(msgspec.Struct, frozen=True):
    """The hits of policies, by policy and enforcement point.

    With `is_capped`, only the newest decisions with violations were counted, since `since`.
    """

    items: tuple[PolicyHits, ...]
    since: str
    is_capped: bool

    def by_policy(self) -> dict[str, int]:
        """Return the number of decisions with violations of each policy, most first."""
        return _added((one.policy, one.decisions) for one in self.items)

    def denied_by_policy(self) -> dict[str, int]:
        """Return the number of denied decisions with violations of each policy, most first."""
        return _added((one.policy, one.denied) for one in self.items if one.denied)


def facets(
    store: Store,
    *,
    visibility: Visibility = EVERYTHING,
    most: int = MOST,
    **filters: Unpack[DecisionFilters],
) -> Facets:
    """Return the facets of the visible decisions that `filters` select, as `Store.decisions`.

    For a reader who may not see everything, the visible ones of the newest five times `most` count:
    looking for more would read the whole log for a reader who may see few.
    """
    dialect = store.database.dialect
    limit = most if visibility == EVERYTHING else most * _LOOKED_AT
    newest = (
        select(*_FIELDS.values())
        .where(*decision_queries.conditions(filters), events.c.payload != "")
        .order_by(events.c.time.desc(), events.c.sequence.desc())
        .limit(limit + 1)
        .subquery()
    )
    place = {field: newest.c[column.name] for field, column in _PLACE.items()}
    is_visible = case((and_(true(), *visibility.conditions(place, dialect)), 1), else_=0)
    query = select(is_visible, *newest.c, func.count()).group_by(is_visible, *newest.c)
    counted: dict[str, Counter[str]] = {name: Counter() for name in _FIELDS}
    looked_at = total = 0
    with store.database.reading() as connection:
        for visible, *values, number in connection.execute(query):
            looked_at += number
            if not visible:
                continue
            total += number
            row = dict(zip(_FIELDS, values, strict=True))
            row["allowed"] = "allowed" if row["allowed"] else "denied"
            for policy in row.pop("policies").split():
                counted["policies"][policy] += number
            for name, value in row.items():
                counted[name][value] += number
    return Facets(
        min(total, limit), looked_at > limit, *(_most_first(counted[name]) for name in _FIELDS)
    )


def policy_hits(
    store: Store,
    since: str,
    *,
    until: str = "",
    visibility: Visibility = EVERYTHING,
    most: int = MOST,
) -> Hits:
    """Return the hits of each policy in visible decisions from `since` until before `until`."""
    newest = _reported(Period(since, until), visibility, store.database.dialect)
    newest = newest.order_by(events.c.time.desc(), events.c.sequence.desc()).limit(most + 1)
    some = newest.subquery()
    same = [some.c[name] for name in ("policies", "enforcement_point", "allowed", "repository")]
    query: Select[Any] = select(
        *same,
        func.count().label("number"),
        func.min(some.c.time).label("oldest"),
        func.max(some.c.time).label("newest"),
    ).group_by(*same)
    hits: dict[tuple[str, str], _Sum] = {}
    total, oldest = 0, ""
    with store.database.reading() as connection:
        for row in connection.execute(query):
            total += row.number
            oldest = min(oldest or row.oldest, row.oldest)
            for policy in row.policies.split():
                hits.setdefault((policy, row.enforcement_point), _Sum()).add(row)
    return Hits(
        tuple(
            PolicyHits(
                policy, point, found.decisions, found.denied, len(found.repositories), found.last
            )
            for (policy, point), found in sorted(
                hits.items(), key=lambda one: (-one[1].decisions, one[0])
            )
        ),
        oldest if total > most else since,
        total > most,
    )


class _Sum:
    """The hits of a policy at an enforcement point."""

    def __init__(self) -> None:
        self.last = ""
        self.decisions = self.denied = 0
        self.repositories: set[str] = set()

    def add(self, row: Row[Any]) -> None:
        self.last = max(self.last, row.newest)
        self.decisions += row.number
        self.denied += 0 if row.allowed else row.number
        self.repositories.add(row.repository)


def _reported(period: Period, visibility: Visibility, dialect: str) -> Select[Any]:
    """Return the query of the visible decisions of `period` with violations."""
    conditions: list[ColumnElement[bool]] = [
        REPORTED,
        *within(period),
        *visibility.conditions(_PLACE, dialect),
    ]
    columns = ("time", "policies", "enforcement_point", "allowed", "repository")
    return select(*(events.c[name] for name in columns)).where(*conditions)


def _most_first(counted: Counter[str]) -> tuple[Count, ...]:
    return tuple(Count(*one) for one in sorted(counted.items(), key=lambda one: (-one[1], one[0])))


def _added(numbers: Iterable[tuple[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for name, number in numbers:
        total[name] += number
    return dict(_most_first(total))
