"""Verify the audit log: the hash chain of its events, the tree of hashes, and what repeats events.

In: a connection that reads a snapshot of the log. Out: a report of all problems. Memory does not
grow with the log, only with the number of targets that projects were deployed to.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from sqlalchemy import Connection, func, inspect, select

from policyd.audit import chain, derived
from policyd.audit.chain import Problem
from policyd.audit.derived import Known, ascending, stream
from policyd.audit.evidence import (
    Statement,
    entries,
    statement_problems,
    stored_statements,
    tree_problems,
)
from policyd.audit.log_event import log_event_of
from policyd.audit.rows import record_of
from policyd.audit.tables import checkpoints, events, heads, metadata, tree_nodes
from policyd.errors import AuditError
from policyd.model import AuditRecord

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


def verify(connection: Connection, statements: Iterable[Statement] = ()) -> VerifyReport:
    """Return the report on the log, with at most MAX_PROBLEMS problems.

    `statements` are what checkpoints and hashes that are kept elsewhere state about the log. Tables
    and columns that an earlier version did not have are not examined.
    """
    statements = tuple(statements)
    known = _known(connection)
    rows = connection.execute(select(heads.c.sequence, heads.c.hash).order_by(heads.c.id)).all()
    head = (int(rows[0].sequence), str(rows[0].hash)) if rows else (0, chain.GENESIS)
    records = (record_of(row) for row in stream(connection, ascending(known)))
    problems = [
        _head_problems(len(rows), head[0]),
        chain.problems(records, head, removed_through(_retention(connection))),
    ]
    if tree_nodes in known:
        problems.append(tree_problems(connection))
    stored = stored_statements(connection) if checkpoints in known else ()
    problems += [
        statement_problems(entries(connection), (*stored, *statements)),
        derived.column_problems(connection, known),
        derived.grant_problems(connection, known),
    ]
    without = select(func.count()).select_from(events).where(events.c.payload == "")
    return VerifyReport(
        events=head[0],
        head=head[1],
        problems=tuple(itertools.islice(itertools.chain(*problems), MAX_PROBLEMS)),
        evidence=tuple(f"{one.source} ({one.size} events)" for one in statements if one.is_listed),
        removed=int(connection.execute(without).scalar_one()),
    )


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
