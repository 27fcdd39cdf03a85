"""Verify the audit log: the hash chain of its events, and the columns derived from them.

In: a connection that reads a snapshot of the log. Out: a report of all problems. Memory does not
grow with the log, only with the number of targets that projects were deployed to.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, Table, inspect, select

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
from policyd.audit.evidence import (
    Statement,
    statement_problems,
    stored_statements,
    tree_problems,
)
from policyd.audit.rows import device_rows, grant_row, record_of
from policyd.audit.tables import checkpoints, events, grant_devices, grants, heads, tree_nodes
from policyd.errors import AuditError

MAX_PROBLEMS: Final = 100
"""Limit of the problems in a report: one change can break everything that follows."""
_ROWS_AT_ONCE: Final = 500


class VerifyReport(msgspec.Struct, frozen=True, rename="camel"):
    """The number of events, the hash of the last event, and the problems.

    `evidence` names the statements that the log was compared with.
    """

    events: int
    head: str
    problems: tuple[Problem, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


class _Entry(NamedTuple):
    """A row of the tables of grants: one that the events demand, or one that is stored."""

    expected: bool
    row: dict[str, Any]


def verify(connection: Connection, statements: Iterable[Statement] = ()) -> VerifyReport:
    """Return the report on the log, with at most MAX_PROBLEMS problems.

    `statements` are what checkpoints and hashes that are kept elsewhere state about the log. Tables
    and columns that an earlier version did not have are not examined.
    """
    statements = tuple(statements)
    tables = set(inspect(connection).get_table_names())
    rows = connection.execute(select(heads.c.sequence, heads.c.hash).order_by(heads.c.id)).all()
    head = (int(rows[0].sequence), str(rows[0].hash)) if rows else (0, chain.GENESIS)
    problems = [
        _head_problems(len(rows), head[0]),
        chain.problems((record_of(row) for row in _stream(connection, _ascending())), head),
    ]
    if tree_nodes.name in tables:
        problems.append(tree_problems(connection))
    stored = stored_statements(connection) if checkpoints.name in tables else ()
    problems += [
        statement_problems(connection, (*stored, *statements)),
        _column_problems(connection),
        _grant_problems(connection, _known_columns(connection, tables)),
    ]
    listed = tuple(itertools.islice(itertools.chain(*problems), MAX_PROBLEMS))
    evidence = tuple(f"{one.source} ({one.size} events)" for one in statements)
    return VerifyReport(events=head[0], head=head[1], problems=listed, evidence=evidence)


def _head_problems(heads_found: int, last: int) -> Iterator[Problem]:
    if heads_found != 1:
        yield Problem(last, f"the log has {heads_found} heads; it must have one")


def _known_columns(connection: Connection, tables: Collection[str]) -> dict[Table, set[str]]:
    """Return the columns of the tables of grants that the log has."""
    return {
        table: {column["name"] for column in inspect(connection).get_columns(table.name)}
        for table in (grants, grant_devices)
        if table.name in tables
    }


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


def _grant_problems(
    connection: Connection, columns: Mapping[Table, Collection[str]]
) -> Iterator[Problem]:
    both = heapq.merge(
        _expected_rows(connection, columns),
        *(_stored_rows(connection, table, columns[table]) for table in columns),
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


def _expected_rows(
    connection: Connection, columns: Mapping[Table, Collection[str]]
) -> Iterator[_Entry]:
    """Yield the expected rows, newest first, so that the end of a grant precedes the grant."""
    ended: dict[Target, tuple[GrantState, str]] = {}
    for row in _stream(connection, select(events).order_by(events.c.sequence.desc())):
        event = _event_or_none(row)
        if event is None or event.ends_with is None:
            continue
        state, when = ended.get(event.target, ("active", ""))
        for record in reversed(grant_records(event, int(row.sequence))):
            row_of_grant = grant_row(msgspec.structs.replace(record, state=state, ended=when))
            yield _Entry(
                True, {name: row_of_grant[name] for name in row_of_grant if name in columns[grants]}
            )
            for device in device_rows(record) if grant_devices in columns else ():
                yield _Entry(True, device)
        ended[event.target] = (event.ends_with, event.timestamp)


def _stored_rows(
    connection: Connection, table: Table, columns: Collection[str]
) -> Iterator[_Entry]:
    """Yield the rows of `grants` or `grant_devices`, newest first."""
    newest_first = select(*(column for column in table.c if column.name in columns)).order_by(
        table.c.sequence.desc(), table.c.position.desc()
    )
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
