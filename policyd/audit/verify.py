"""Verify the audit log: the hash chain of its events, and the columns derived from them.

In: a connection that reads a snapshot of the log. Out: a report of all problems. Memory does not
grow with the log, only with the number of targets that projects were deployed to.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, Table, select

from policyd.audit import chain
from policyd.audit.chain import Problem
from policyd.audit.event import (
    DECISION,
    DecisionEvent,
    GrantState,
    Target,
    event_of,
    grant_records,
    lookup_columns,
)
from policyd.audit.rows import device_rows, grant_row, record_of
from policyd.audit.tables import events, grant_devices, grants, heads
from policyd.errors import AuditError

MAX_PROBLEMS: Final = 100
"""Limit of the problems in a report: one change can break everything that follows."""
_ROWS_AT_ONCE: Final = 500


class VerifyReport(msgspec.Struct, frozen=True, rename="camel"):
    """The number of events, the hash of the last event, and the problems."""

    events: int
    head: str
    problems: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


class _Entry(NamedTuple):
    """A row of the tables of grants: one that the events demand, or one that is stored."""

    expected: bool
    row: dict[str, Any]


def verify(connection: Connection) -> VerifyReport:
    """Return the report on the log, with at most MAX_PROBLEMS problems."""
    row = connection.execute(select(heads.c.sequence, heads.c.hash)).first()
    head = (int(row.sequence), str(row.hash)) if row else (0, chain.GENESIS)
    found = itertools.chain(
        chain.problems((record_of(row) for row in _stream(connection, _ascending())), head),
        _column_problems(connection),
        _grant_problems(connection),
    )
    listed = tuple(itertools.islice(found, MAX_PROBLEMS))
    return VerifyReport(events=head[0], head=head[1], problems=listed)


def _column_problems(connection: Connection) -> Iterator[Problem]:
    for row in _stream(connection, _ascending()):
        try:
            event = event_of(record_of(row))
        except AuditError as error:
            yield Problem(int(row.sequence), str(error))
            continue
        expected = {"time": event.timestamp, "kind": DECISION, **lookup_columns(event)}
        for name, value in expected.items():
            if row._mapping[name] != value:
                yield Problem(int(row.sequence), f"its column {name} differs from its payload")


def _grant_problems(connection: Connection) -> Iterator[Problem]:
    both = heapq.merge(
        _expected_rows(connection),
        _stored_rows(connection, grants),
        _stored_rows(connection, grant_devices),
        key=_newest_first,
    )
    for _, same in itertools.groupby(both, key=_newest_first):
        of_grant = list(same)
        expected, stored = (
            [entry.row.items() for entry in of_grant if entry.expected is side]
            for side in (True, False)
        )
        if set(map(frozenset, expected)) != set(map(frozenset, stored)):
            row = of_grant[0].row
            problem = f"its grant {row['position']} differs in the table of grants"
            yield Problem(int(row["sequence"]), problem)


def _expected_rows(connection: Connection) -> Iterator[_Entry]:
    """Yield the expected rows, newest first, so that the end of a grant precedes the grant."""
    ended: dict[Target, tuple[GrantState, str]] = {}
    for row in _stream(connection, select(events).order_by(events.c.sequence.desc())):
        event = _event_or_none(row)
        if event is None or event.ends_with is None:
            continue
        state, when = ended.get(event.target, ("active", ""))
        for record in reversed(grant_records(event, int(row.sequence))):
            yield _Entry(True, grant_row(msgspec.structs.replace(record, state=state, ended=when)))
            for device in device_rows(record):
                yield _Entry(True, device)
        ended[event.target] = (event.ends_with, event.timestamp)


def _stored_rows(connection: Connection, table: Table) -> Iterator[_Entry]:
    """Yield the rows of `grants` or `grant_devices`, newest first."""
    newest_first = select(table).order_by(table.c.sequence.desc(), table.c.position.desc())
    for row in _stream(connection, newest_first):
        yield _Entry(False, dict(row._mapping))


def _event_or_none(row: Row[Any]) -> DecisionEvent | None:
    try:
        return event_of(record_of(row))
    except AuditError:
        return None


def _newest_first(entry: _Entry) -> tuple[int, int]:
    return (-entry.row["sequence"], -entry.row["position"])


def _ascending() -> Select[Any]:
    return select(events).order_by(events.c.sequence)


def _stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    yield from connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query)
