"""The last decision on each target, and the violations that are open: for the pages of projects.

In: filters, a page, what the reader may see. Out: targets and groups of violations. The tables of
`target_states` have a row for each target, so the time depends on the number of targets and not on
the length of the log. Errors: AuditError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    case,
    func,
    literal,
    select,
    tuple_,
)

from policyd.audit.event import DecisionEvent, Target, event_of
from policyd.audit.rows import record_of
from policyd.audit.store import PAGE, Store
from policyd.audit.tables import events, open_violations, targets
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.model import Violation

MOST_GROUPS: Final = 500
"""Groups of violations that one answer has at most."""


class TargetState(msgspec.Struct, frozen=True, rename="camel"):
    """The last decision on a target, and the numbers of its open violations.

    `operation` is DELETE where the project was removed. `violations` includes warnings, `denying`
    are those that deny. `policies` reported them. `time` is RFC 3339.
    """

    repository: str
    project: str
    environment: str
    host: str
    decision_id: str
    sequence: int
    time: str
    allowed: bool
    operation: str
    enforcement_point: str
    username: str
    commit: str
    violations: int = 0
    denying: int = 0
    policies: tuple[str, ...] = ()


class TargetPage(NamedTuple):
    """Targets in the order of their names; `after` continues the page, None at the end."""

    items: list[TargetState]
    after: Target | None


class OpenViolation(msgspec.Struct, frozen=True, rename="camel"):
    """The open violations of a policy by services of one name, of all targets.

    `first` and `last` are the times of the first evaluation since which each reported them and of
    the last one, over all targets; `decision_id` is a newest decision that has one, from which
    `violation` is. That is None if retention removed its content. `denies` says that one denies.
    """

    policy: str
    service: str
    denies: bool
    targets: int
    repositories: int
    first: str
    last: str
    decision_id: str
    violation: Violation | None = None


def target_states(
    store: Store,
    limit: int = PAGE,
    *,
    after: Target | None = None,
    visibility: Visibility = EVERYTHING,
    repository: str | None = None,
    project: str | None = None,
    environment: str | None = None,
    host: str | None = None,
    allowed: bool | None = None,
) -> TargetPage:
    """Return the states of visible targets, by repository, project, environment and host.

    `after` is the last target of the page before. A filter that is None excludes none; `allowed`
    is the verdict of the last decision.
    """
    asked = {
        targets.c.repository: repository,
        targets.c.project: project,
        targets.c.environment: environment,
        targets.c.host: host,
        targets.c.allowed: allowed,
    }
    conditions: list[ColumnElement[bool]] = [
        column == value for column, value in asked.items() if value is not None
    ]
    names = [targets.c[name] for name in Target._fields]
    if after is not None:
        conditions.append(tuple_(*names) > after)
    query = (
        select(targets, *(events.c[name] for name in _OF_EVENT))
        .join(events, events.c.sequence == targets.c.sequence)
        .where(*conditions, *visibility.conditions(_place(targets), store.database.dialect))
        .order_by(*names)
        .limit(limit + 1)
    )
    with store.database.reading() as connection:
        rows = connection.execute(query).all()
        violations = _of_targets(connection, rows[:limit])
    found = [_state(row, violations.get(_target_of(row), [])) for row in rows[:limit]]
    if len(rows) <= limit:
        return TargetPage(found, None)
    last = found[-1]
    return TargetPage(found, Target(last.repository, last.project, last.environment, last.host))


def open_violation_groups(
    store: Store,
    *,
    visibility: Visibility = EVERYTHING,
    limit: int = MOST_GROUPS,
    has_violation: bool = True,
    repository: str | None = None,
    project: str | None = None,
    policy: str | None = None,
    denies: bool | None = None,
) -> list[OpenViolation]:
    """Return the visible open violations by policy and service: most repositories first.

    There are at most `limit` groups. Without `has_violation`, their `violation` is None and no
    content of decisions is read. A filter that is None excludes none.
    """
    table = open_violations.c
    asked = {
        table.repository: repository,
        table.project: project,
        table.policy: policy,
        table.denies: denies,
    }
    repositories = func.count(table.repository.distinct())
    query = (
        select(
            *(
                table.policy,
                table.service,
                func.max(case((table.denies, 1), else_=0)).label("denies"),
            ),
            *(func.count().label("targets"), repositories.label("repositories")),
            *(func.min(table.first_time).label("first"), func.max(table.last_time).label("last")),
            func.max(table.last).label("newest"),
        )
        .where(*(column == value for column, value in asked.items() if value is not None))
        .where(*visibility.conditions(_place(open_violations), store.database.dialect))
        .group_by(table.policy, table.service)
        .order_by(repositories.desc(), func.count().desc(), table.policy, table.service)
        .limit(limit)
    )
    with store.database.reading() as connection:
        rows = connection.execute(query).all()
        decided = _with_decisions(connection, rows, has_violation=has_violation)
        return [_group(row, decision) for row, decision in decided]


_OF_EVENT: Final = ("decision_id", "time", "enforcement_point", "username", "commit_id")


def _place(table: Any) -> dict[str, ColumnElement[Any]]:
    return {
        "repositories": table.c.repository,
        "environments": table.c.environment,
        "hosts": table.c.host,
    }


def _target_of(row: Row[Any]) -> Target:
    return Target(*(row._mapping[name] for name in Target._fields))


def _of_targets(connection: Connection, rows: Sequence[Row[Any]]) -> dict[Target, list[Row[Any]]]:
    """Return the open violations of the targets in `rows`, those of each by policy."""
    table = open_violations.c
    names = [table[name] for name in Target._fields]
    query: Select[Any] = (
        select(*names, table.policy, table.denies)
        .where(tuple_(*names).in_([tuple(_target_of(row)) for row in rows]))
        .order_by(table.policy)
    )
    found: dict[Target, list[Row[Any]]] = {}
    for row in connection.execute(query):
        found.setdefault(_target_of(row), []).append(row)
    return found


def _state(row: Row[Any], violations: Sequence[Row[Any]]) -> TargetState:
    return TargetState(
        repository=row.repository,
        project=row.project,
        environment=row.environment,
        host=row.host,
        decision_id=row.decision_id,
        sequence=row.sequence,
        time=row.time,
        allowed=row.allowed,
        operation=row.operation,
        enforcement_point=row.enforcement_point,
        username=row.username,
        commit=row.commit_id,
        violations=len(violations),
        denying=sum(one.denies for one in violations),
        policies=tuple(dict.fromkeys(one.policy for one in violations)),
    )


def _with_decisions(
    connection: Connection, rows: Sequence[Row[Any]], *, has_violation: bool
) -> list[tuple[Row[Any], Row[Any]]]:
    """Return `rows`, each with its newest decision, whose content is "" without `has_violation`."""
    columns: list[ColumnElement[Any]] = list(events.c)
    if not has_violation:
        columns = [events.c.sequence, events.c.decision_id, literal("").label("payload")]
    newest: Select[Any] = select(*columns).where(
        events.c.sequence.in_({row.newest for row in rows})
    )
    decisions = {row.sequence: row for row in connection.execute(newest)}
    return [(row, decisions[row.newest]) for row in rows]


def _group(row: Row[Any], decision: Row[Any]) -> OpenViolation:
    event: DecisionEvent | None = event_of(record_of(decision)) if decision.payload else None
    found = event.result.violations if event else ()
    same = (one for one in found if (one.policy, one.service) == (row.policy, row.service))
    return OpenViolation(
        policy=row.policy,
        service=row.service,
        denies=bool(row.denies),
        targets=row.targets,
        repositories=row.repositories,
        first=row.first,
        last=row.last,
        decision_id=decision.decision_id,
        violation=next(same, None),
    )
