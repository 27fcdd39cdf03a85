"""Verify the audit log: the hash chain of its events, the tree of hashes, and what repeats events.

In: a connection that reads a snapshot of the log. Out: a report of all problems. Memory does not
grow with the log, only with the number of targets that projects were deployed to.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, inspect, select

from policyd.audit import chain, grant_summaries, tables, tree
from policyd.audit.chain import Problem
from policyd.audit.derived import Columns, ExceptionUses, Grants, Known
from policyd.audit.event import DECISION, DecisionEvent, event_of
from policyd.audit.evidence import Statement, Statements, StoredTree, stored_statements
from policyd.audit.log_event import KINDS, LogEvent, log_event_of
from policyd.audit.rows import record_of, stream
from policyd.audit.tables import (
    checkpoints,
    events,
    exception_uses,
    heads,
    metadata,
    tree_nodes,
)
from policyd.audit.target_states import TargetStates
from policyd.errors import AuditError
from policyd.model import AuditRecord
from policyd.transparency import merkle

PROGRESS_EVERY: Final = 1_000
"""Events between two calls of `progress`."""
MAX_PROBLEMS: Final = 100
"""Limit of the problems in a report: one change can break everything that follows."""


class VerifyReport(msgspec.Struct, frozen=True, rename="camel"):
    """The number of events, the hash of the last event, and the problems.

    `evidence` names the statements that the log was compared with, `removed` is the number of
    events whose payload retention removed.
    """

    events: int
    head: str
    problems: tuple[Problem, ...] = ()
    evidence: tuple[str, ...] = ()
    removed: int = 0

    @property
    def ok(self) -> bool:
        """Whether there are no problems."""
        return not self.problems


Progress = Callable[[int, int], None]
"""Receives how many events were verified, and of how many."""


def verify(
    connection: Connection,
    statements: Iterable[Statement] = (),
    progress: Progress | None = None,
) -> VerifyReport:
    """Return the report on the log, with at most MAX_PROBLEMS problems.

    `statements` are what checkpoints and hashes that are kept elsewhere state about the log. Tables
    and columns that an earlier version did not have are not examined. `progress` is called after
    each PROGRESS_EVERY events.
    """
    statements = tuple(statements)
    known = _known(connection)
    rows = connection.execute(select(heads.c.sequence, heads.c.hash).order_by(heads.c.id)).all()
    head = (int(rows[0].sequence), str(rows[0].hash)) if rows else (0, chain.GENESIS)
    stored = stored_statements(connection) if checkpoints in known else ()
    comparison = _Comparison(connection, known, (*stored, *statements))
    comparison.found[_CHAIN].extend(_head_problems(len(rows), head[0]))
    for number, row in enumerate(stream(connection, comparison.query), 1):
        comparison.add(row)
        if progress and number % PROGRESS_EVERY == 0:
            progress(number, head[0])
    comparison.end(head)
    found = itertools.chain(*comparison.found)
    return VerifyReport(
        events=head[0],
        head=head[1],
        problems=tuple(itertools.islice(found, MAX_PROBLEMS)),
        evidence=tuple(f"{one.source} ({one.size} events)" for one in statements if one.is_listed),
        removed=comparison.removed,
    )


_CHAIN, _TREE, _STATEMENTS, _COLUMNS, _GRANTS, _TARGETS = range(6)
"""What problems are about, in the order of the report."""
_RECORD: Final = tuple(events.c[name] for name in AuditRecord.__struct_fields__)


class _Comparison:
    """Compares everything in the log with its events, each of which is read once."""

    def __init__(
        self, connection: Connection, known: Known, statements: Iterable[Statement]
    ) -> None:
        self.found: tuple[list[Problem], ...] = ([], [], [], [], [], [])
        self.removed = 0
        self._last = (0, chain.GENESIS)
        self._is_without_gap = True
        self._frontier = merkle.Frontier()
        self._chain = chain.Chain(removed_events(connection))
        self._tree = StoredTree(connection) if tree_nodes in known else None
        self._statements = Statements(statements)
        self._columns = Columns(known)
        self._uses = ExceptionUses(connection) if exception_uses in known else None
        self._grants = Grants(connection, known)
        self._targets = TargetStates(connection, known)
        self._has_summaries = tables.grant_summaries in known
        self._connection = connection
        self.query = select(*_RECORD, *(events.c[name] for name in self._columns.names)).order_by(
            events.c.sequence
        )
        self._report(_STATEMENTS, self._statements.compare(*self._last, self._frontier))

    def add(self, row: Sequence[Any]) -> None:
        """Compare with the event in `row` of `query`."""
        sequence, time, kind, payload, prev_hash, own, *columns = row
        record = AuditRecord(
            int(sequence), str(time), str(kind), str(payload), str(prev_hash), str(own)
        )
        self._report(_CHAIN, self._chain.follow(record))
        self._add_leaf(record, str(columns[0]))
        event, is_removed = None, not record.payload
        self.removed += is_removed
        if not is_removed:
            try:
                event = event_in(record)
            except AuditError as error:
                self._report(_COLUMNS, [Problem(record.sequence, str(error))])
            else:
                found = self._columns.compare(record.sequence, record.time, columns, event)
                self._report(_COLUMNS, found)
        if self._uses:
            self._uses.compare(record.sequence, event, is_removed=is_removed)
        self._grants.compare(record.sequence, event, is_removed=is_removed)
        self._targets.compare(record.sequence, event, is_removed=is_removed)

    def end(self, head: tuple[int, str]) -> None:
        """Compare what is left after the last event with the `head` of the log."""
        self._report(_CHAIN, self._chain.end(head))
        if self._tree:
            self._report(_TREE, self._tree.end(self._frontier.size))
        self._report(_STATEMENTS, self._statements.end(self._frontier.size))
        if self._uses:
            self._report(_COLUMNS, self._uses.end())
        self._report(_GRANTS, self._grants.end())
        if self._has_summaries:
            self._report(_GRANTS, grant_summaries.problems(self._connection))
        self._report(_TARGETS, self._targets.end())

    def _add_leaf(self, record: AuditRecord, event_id: str) -> None:
        """Compare the tree and the statements up to the first gap, after which no leaf is known."""
        if record.sequence != self._frontier.size + 1:
            self._is_without_gap = False
        if not self._is_without_gap:
            return
        entry = tree.entry(record.sequence, record.kind, event_id, record.time, record.hash)
        completed = self._frontier.append(merkle.leaf_hash(entry))
        if self._tree:
            self._report(_TREE, self._tree.compare(record.sequence, completed))
        if self._statements.following == record.sequence:
            found = self._statements.compare(record.sequence, record.hash, self._frontier)
            self._report(_STATEMENTS, found)

    def _report(self, subject: int, problems: Iterable[Problem]) -> None:
        if problems:
            some = self.found[subject]
            some.extend(itertools.islice(problems, MAX_PROBLEMS - len(some)))


def event_in(record: AuditRecord) -> DecisionEvent | LogEvent:
    """Return the event in `record`. Raises AuditError, also if its payload is of another kind."""
    if record.kind == DECISION:
        return event_of(record)
    event = log_event_of(record) if record.kind in KINDS else None
    if event is None or event.kind != record.kind:
        raise AuditError("its column kind differs from its payload")
    return event


def _head_problems(heads_found: int, last: int) -> Iterator[Problem]:
    if heads_found != 1:
        yield Problem(last, f"the log has {heads_found} heads; it must have one")


def _known(connection: Connection) -> Known:
    """Return the tables that the log has, with their columns."""
    found = inspect(connection)
    names = set(found.get_table_names())
    return {
        table: {column["name"] for column in found.get_columns(table.name)}
        for table in metadata.tables.values()
        if table.name in names
    }


def removed_events(connection: Connection) -> int:
    """Return the last event of the log whose payload retention may have removed, else 0."""
    return removed_through(_retention(connection))


def _retention(connection: Connection) -> Iterator[AuditRecord]:
    query = (
        select(*(events.c[name] for name in AuditRecord.__struct_fields__))
        .where(events.c.kind == "retention")
        .order_by(events.c.sequence)
    )
    return map(record_of, stream(connection, query))


def removed_through(retention: Iterable[AuditRecord]) -> int:
    """Return the last event whose payload events of `retention` say may be missing, else 0."""
    through = 0
    for record in retention:
        try:
            stated = log_event_of(record).details.get("through")
        except AuditError:
            continue
        if isinstance(stated, int) and stated < record.sequence:
            through = max(through, stated)
    return through
