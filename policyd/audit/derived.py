"""Compare the columns and tables that repeat parts of the events with the events.

In: a connection that reads a snapshot of the log. Out: problems. Memory grows with the number of
targets that projects were deployed to and of grants that were revoked, not with the log. Events
whose payload retention removed are not compared.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, Table, select

from policyd.audit.chain import Problem
from policyd.audit.event import (
    DECISION,
    DecisionEvent,
    GrantRecord,
    GrantState,
    Target,
    event_of,
    grant_records,
    lookup_columns,
)
from policyd.audit.log_event import KINDS, LogEvent, columns_of, log_event_of
from policyd.audit.rows import device_rows, exception_rows, grant_row, record_of
from policyd.audit.tables import events, exception_uses, grant_devices, grants
from policyd.errors import AuditError

Known = Mapping[Table, Collection[str]]
"""The columns that the log has: one that an earlier version wrote has fewer tables and columns."""
_ROWS_AT_ONCE: Final = 500


class _Ending(NamedTuple):
    """The event that ends grants, what they become, and when."""

    sequence: int
    state: GrantState
    time: str


class _Entry(NamedTuple):
    """A row of the tables of grants: one that the events demand, or one that is stored."""

    expected: bool
    row: dict[str, Any]


def column_problems(connection: Connection, known: Known) -> Iterator[Problem]:
    """Yield the events whose columns, or whose exceptions, differ from their payload."""
    uses = _Uses(connection) if exception_uses in known else None
    for row in stream(connection, ascending(known)):
        sequence = int(row.sequence)
        used = uses.pop(sequence) if uses else set()
        if not row.payload:
            continue
        try:
            event = _event(row)
        except AuditError as error:
            yield Problem(sequence, str(error))
            continue
        columns = columns_of(event) if isinstance(event, LogEvent) else lookup_columns(event)
        for name, value in {"time": event.timestamp, **columns}.items():
            if row._mapping.get(name, value) != value:
                yield Problem(sequence, f"its column {name} differs from its payload")
        rows = exception_rows(event, sequence) if isinstance(event, DecisionEvent) else []
        if uses and used != {(one["exception"], one["policy_set"]) for one in rows}:
            yield Problem(sequence, "its exceptions differ in the table of exception uses")


class _Uses:
    """The exceptions of events that come in the order of their sequence."""

    def __init__(self, connection: Connection) -> None:
        query = select(exception_uses).order_by(exception_uses.c.sequence)
        self._groups = itertools.groupby(stream(connection, query), lambda row: int(row.sequence))
        self._next = next(self._groups, None)

    def pop(self, sequence: int) -> set[tuple[str, str]]:
        """Return the stored exceptions of the event `sequence`, with their policy sets."""
        while self._next is not None and self._next[0] < sequence:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] != sequence:
            return set()
        found = {(str(row.exception), str(row.policy_set)) for row in self._next[1]}
        self._next = next(self._groups, None)
        return found


def grant_problems(connection: Connection, known: Known) -> Iterator[Problem]:
    """Yield the grants that differ from what the events say."""
    tables = [table for table in (grants, grant_devices) if table in known]
    both = heapq.merge(
        _expected_rows(connection, known),
        *(_stored_rows(connection, table, known[table]) for table in tables),
        key=_newest_first,
    )
    removed = _Removed(connection)
    for key, same in itertools.groupby(both, key=_newest_first):
        if -key[0] in removed:
            continue
        of_grant = list(same)
        expected, stored = (
            [entry.row.items() for entry in of_grant if entry.expected is side]
            for side in (True, False)
        )
        if set(map(frozenset, expected)) != set(map(frozenset, stored)):
            row = of_grant[0].row
            problem = f"its grant {row['position']} differs in the table of grants"
            yield Problem(int(row["sequence"]), problem)


class _Removed:
    """The events whose payload was removed, asked for in descending order."""

    def __init__(self, connection: Connection) -> None:
        query = select(events.c.sequence).where(events.c.payload == "")
        self._rows = stream(connection, query.order_by(events.c.sequence.desc()))
        self._next = next(self._rows, None)

    def __contains__(self, sequence: int) -> bool:
        while self._next is not None and self._next.sequence > sequence:
            self._next = next(self._rows, None)
        return self._next is not None and self._next.sequence == sequence


def _expected_rows(connection: Connection, known: Known) -> Iterator[_Entry]:
    """Yield the expected rows, newest first, so that the end of a grant precedes the grant."""
    ended: dict[Target, _Ending] = {}
    revoked: dict[tuple[int, int], _Ending] = {}
    columns = known[grants]
    for row in stream(connection, ascending(known, descending=True)):
        event, sequence = _event_or_none(row), int(row.sequence)
        if isinstance(event, LogEvent):
            for key in _revoked(event):
                revoked[key] = _Ending(sequence, "revoked", event.timestamp)
        if not isinstance(event, DecisionEvent) or event.ends_with is None:
            continue
        for record in reversed(grant_records(event, sequence)):
            endings = (ended.get(event.target), revoked.pop((sequence, record.position), None))
            row_of_grant = grant_row(_ended(record, min(filter(None, endings), default=None)))
            yield _Entry(
                True, {name: value for name, value in row_of_grant.items() if name in columns}
            )
            for device in device_rows(record) if grant_devices in known else ():
                yield _Entry(True, device)
        ended[event.target] = _Ending(sequence, event.ends_with, event.timestamp)


def _ended(record: GrantRecord, ending: _Ending | None) -> GrantRecord:
    """Return `record` as `ending`, the first event that ends it, leaves it."""
    if ending is None:
        return record
    if record.expires and record.expires <= ending.time:
        return msgspec.structs.replace(record, state="expired", ended=record.expires)
    return msgspec.structs.replace(record, state=ending.state, ended=ending.time)


def _stored_rows(
    connection: Connection, table: Table, columns: Collection[str]
) -> Iterator[_Entry]:
    """Yield the rows of `grants` or `grant_devices`, newest first."""
    newest_first = select(*(column for column in table.c if column.name in columns)).order_by(
        table.c.sequence.desc(), table.c.position.desc()
    )
    for row in stream(connection, newest_first):
        yield _Entry(False, dict(row._mapping))


def _event(row: Row[Any]) -> DecisionEvent | LogEvent:
    """Return the event in `row`. Raises AuditError, also if its kind is not that of the payload."""
    record = record_of(row)
    if record.kind == DECISION:
        return event_of(record)
    event = log_event_of(record) if record.kind in KINDS else None
    if event is None or event.kind != record.kind:
        raise AuditError("its column kind differs from its payload")
    return event


def _event_or_none(row: Row[Any]) -> DecisionEvent | LogEvent | None:
    try:
        return _event(row)
    except AuditError:
        return None


def _revoked(event: LogEvent) -> list[tuple[int, int]]:
    try:
        return event.revoked
    except (KeyError, TypeError, ValueError, AttributeError):
        return []


def _newest_first(entry: _Entry) -> tuple[int, int]:
    return (-entry.row["sequence"], -entry.row["position"])


def ascending(known: Known, *, descending: bool = False) -> Select[Any]:
    """Return the query of all events, with the columns that the log has, in their order."""
    columns = [column for column in events.c if column.name in known[events]]
    order = events.c.sequence.desc() if descending else events.c.sequence
    return select(*columns).order_by(order)


def stream(connection: Connection, query: Select[Any]) -> Iterator[Row[Any]]:
    """Yield the rows of `query`, of which few are in memory."""
    streamed = connection.execution_options(yield_per=_ROWS_AT_ONCE)
    with closing(streamed.execute(query)) as rows:
        yield from rows
