"""The last decision on each target and its open violations: kept up to date as events are appended.

In: a connection in a transaction, decisions. Out: rows of `tables.targets` and
`tables.open_violations`. The console lists projects by them; without them it would have to read the
whole log. Violations are open from the first evaluation that reports them until one that does not.
Three statements for each commit keep the tables, whatever the number of events is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, bindparam, delete, select, text

from policyd.audit.chain import Problem
from policyd.audit.derived import Known
from policyd.audit.event import SUPERSEDED, DecisionEvent, Target, indexed
from policyd.audit.log_event import LogEvent
from policyd.audit.prepared import Prepared
from policyd.audit.tables import events, open_violations, targets
from policyd.model import AuditRecord

_UPSERT_TARGET: Final = Prepared(
    text(
        "INSERT INTO targets "
        "(repository, project, environment, host, sequence, allowed, operation) "
        "VALUES (:repository, :project, :environment, :host, :sequence, :allowed, :operation) "
        "ON CONFLICT (repository, project, environment, host) DO UPDATE SET "
        "sequence = excluded.sequence, allowed = excluded.allowed, operation = excluded.operation"
    )
)
_UPSERT_VIOLATION: Final = Prepared(
    text(
        "INSERT INTO open_violations (repository, project, environment, host, policy, service, "
        "denies, first, first_time, last, last_time) "
        "VALUES (:repository, :project, :environment, :host, :policy, :service, "
        ":denies, :first, :first_time, :last, :last_time) "
        "ON CONFLICT (repository, project, environment, host, policy, service) DO UPDATE SET "
        "denies = excluded.denies, last = excluded.last, last_time = excluded.last_time"
    )
)
_CLOSE: Final = Prepared(
    delete(open_violations).where(
        *(open_violations.c[name] == bindparam(f"at_{name}") for name in Target._fields),
        open_violations.c.last < bindparam("at_sequence"),
    )
)
_EVALUATED: Final = (200, 403)
"""Status codes of decisions for which the policies were evaluated, unless they say otherwise."""

_Decided = tuple[AuditRecord, DecisionEvent]


def move_targets(
    connection: Connection, recorded: Sequence[tuple[AuditRecord, DecisionEvent | LogEvent]]
) -> None:
    """Change the states of targets as the events in `recorded` say, one after the other."""
    for run in _runs(recorded):
        _UPSERT_TARGET.run(
            connection, [target_row(event, record.sequence) for record, event in run]
        )
        evaluated = [(record, event) for record, event in run if is_evaluated(event)]
        found = [
            row for record, event in evaluated for row in violation_rows(event, record.sequence)
        ]
        if found:
            _UPSERT_VIOLATION.run(connection, found)
        if evaluated:
            _CLOSE.run(connection, [_closing(*one) for one in evaluated])


def has_state(event: DecisionEvent | LogEvent | None) -> bool:
    """Return whether `event` is a decision on the project at a target, as it is there.

    A dry run is not, nor is what the gate of a host evaluates, which is a part of a project, nor a
    decision that was recorded after a later one.
    """
    if not isinstance(event, DecisionEvent):
        return False
    review = event.input.review
    return not (
        review.dry_run
        or review.enforcement_point == "daemon"
        or SUPERSEDED in event.result.audit_annotations
    )


def is_evaluated(event: DecisionEvent) -> bool:
    """Return whether the violations of `event` are all that there are."""
    result = event.result
    return result.status.code in _EVALUATED and "failure" not in result.audit_annotations


def target_row(event: DecisionEvent, sequence: int) -> dict[str, Any]:
    """Return the row of `tables.targets` after `event`, stored as `sequence`."""
    return {
        **event.target._asdict(),
        "sequence": sequence,
        "allowed": event.result.allowed,
        "operation": event.input.review.operation,
    }


def violation_rows(event: DecisionEvent, sequence: int) -> list[dict[str, Any]]:
    """Return the rows of `tables.open_violations` that `event`, stored as `sequence`, opens."""
    denies: dict[tuple[str, str], bool] = {}
    for one in event.result.violations:
        key = (one.policy, indexed(one.service))  # a policy may return any text as a service
        denies[key] = denies.get(key, False) or one.enforcement_action == "deny"
    time = event.timestamp
    same = {
        **event.target._asdict(),
        **{"first": sequence, "first_time": time, "last": sequence, "last_time": time},
    }
    return [
        {**same, "policy": policy, "service": service, "denies": denied}
        for (policy, service), denied in denies.items()
    ]


class _State(NamedTuple):
    """What the tables must say of a target: its row, and the rows of its violations."""

    row: dict[str, Any]
    violations: dict[tuple[str, str], dict[str, Any]]


class TargetStates:
    """Compares the tables with the events, which come in order."""

    def __init__(self, connection: Connection, known: Known) -> None:
        self._connection = connection
        self._is_known = targets in known
        self._states: dict[Target, _State] = {}
        self._is_complete = True

    def compare(
        self, sequence: int, event: DecisionEvent | LogEvent | None, *, is_removed: bool
    ) -> None:
        """Take note of `event`, stored as `sequence`; None for one that cannot be read."""
        if is_removed:
            self._is_complete = False
        elif event is None:
            self._is_known = False  # the event is a problem, and what it said is not known
        if not (self._is_known and isinstance(event, DecisionEvent) and has_state(event)):
            return
        before = self._states.get(event.target)
        violations = before.violations if before else {}
        if is_evaluated(event):
            violations = {
                (row["policy"], row["service"]): _since(row, violations)
                for row in violation_rows(event, sequence)
            }
        self._states[event.target] = _State(target_row(event, sequence), violations)

    def end(self) -> Iterator[Problem]:
        """Yield the targets that differ from what the events say.

        Where the content of an event was removed, only what the other events say is compared.
        """
        if not self._is_known:
            return
        stored = self._stored()
        for target in sorted({*self._states, *stored}):
            own, found = self._states.get(target), stored.get(target)
            if own == found or (not self._is_complete and self._may_differ(own, found)):
                continue
            row = (own or found or _State({"sequence": 0}, {})).row
            yield Problem(row["sequence"], f"its target {target.project!r} differs in the tables")

    def _stored(self) -> dict[Target, _State]:
        found = {
            Target(*(row[name] for name in Target._fields)): _State(dict(row), {})
            for row in self._connection.execute(select(targets)).mappings()
        }
        for row in self._connection.execute(select(open_violations)).mappings():
            target = Target(*(row[name] for name in Target._fields))
            state = found.setdefault(target, _State({"sequence": row["last"]}, {}))
            state.violations[row["policy"], row["service"]] = dict(row)
        return found

    def _may_differ(self, own: _State | None, found: _State | None) -> bool:
        """Return whether events whose content was removed explain the difference."""
        if found is None:
            return False
        last = select(events.c.payload).where(events.c.sequence == found.row["sequence"])
        if not self._connection.execute(last).scalar():
            return True
        return own is not None and own.row == found.row and _lasts(own) == _lasts(found)


def _since(row: dict[str, Any], before: dict[tuple[str, str], dict[str, Any]]) -> dict[str, Any]:
    """Return `row`, first seen when the row of the same violation `before` was."""
    earlier = before.get((row["policy"], row["service"]))
    if earlier is None:
        return row
    return {**row, "first": earlier["first"], "first_time": earlier["first_time"]}


def _lasts(state: _State) -> dict[tuple[str, str], int]:
    return {key: row["last"] for key, row in state.violations.items()}


def _closing(record: AuditRecord, event: DecisionEvent) -> dict[str, Any]:
    at = {f"at_{name}": value for name, value in event.target._asdict().items()}
    return {**at, "at_sequence": record.sequence}


def _runs(
    recorded: Iterable[tuple[AuditRecord, DecisionEvent | LogEvent]],
) -> Iterator[list[_Decided]]:
    """Yield the decisions on targets in runs, in order, each without two on the same target."""
    run: list[_Decided] = []
    seen: set[Target] = set()
    for record, event in recorded:
        if not (isinstance(event, DecisionEvent) and has_state(event)):
            continue
        if event.target in seen:
            yield run
            run, seen = [], set()
        run.append((record, event))
        seen.add(event.target)
    if run:
        yield run
