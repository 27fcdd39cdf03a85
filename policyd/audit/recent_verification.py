"""Verify the newest events of the audit log, in limited time.

In: an audit log, the last event that was verified before. Out: a report on the hash chain of the
events since then, their leaves in the tree of hashes, and the stored checkpoints. `verify` compares
the whole log, with all that repeats events: it takes minutes for a long one. Errors: AuditError.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, and_, select

from policyd.audit import chain, tree
from policyd.audit.chain import Problem
from policyd.audit.database import Database
from policyd.audit.rows import stream
from policyd.audit.tables import checkpoints, events, heads, tree_nodes
from policyd.audit.verify import MAX_PROBLEMS, removed_events
from policyd.errors import AuditError
from policyd.model import AuditRecord
from policyd.transparency import merkle

MOST: Final = 10_000
"""Events that are verified at most."""
SECONDS: Final = 5.0
"""How long it may take."""
_LOOK_AT_CLOCK: Final = 200
"""Events between two looks at the clock."""

_HEAD: Final = select(heads.c.sequence, heads.c.hash)
_RECORD: Final = tuple(events.c[name] for name in AuditRecord.__struct_fields__)
_LEAF: Final = and_(tree_nodes.c.level == 0, tree_nodes.c.position == events.c.sequence - 1)


class RecentReport(msgspec.Struct, frozen=True):
    """The events `first` to `through` of the `events` of a log were compared.

    `checkpoints` is the number of stored checkpoints that they were compared with. There were none
    to compare if `first` is after `through`.
    """

    events: int
    first: int
    through: int
    checkpoints: int
    problems: tuple[Problem, ...] = ()


def verify_recent(
    database: Database, after: int = 0, *, most: int = MOST, seconds: float = SECONDS
) -> RecentReport:
    """Return the report on the events after `after`, on the newest `most` if they are more.

    After `seconds` it ends, and names the last event that was compared.
    """
    with database.reading() as connection:
        row = connection.execute(_HEAD).first()
        head = (int(row.sequence), str(row.hash)) if row else (0, chain.GENESIS)
        start = min(max(after, head[0] - most), head[0])
        comparison = _Comparison(connection, start)
        until = time.monotonic() + seconds
        query = (
            select(*_RECORD, events.c.decision_id, tree_nodes.c.hash.label("leaf"))
            .outerjoin(tree_nodes, _LEAF)
            .where(events.c.sequence > start)
            .order_by(events.c.sequence)
        )
        is_complete = True
        for number, found in enumerate(stream(connection, query), 1):
            comparison.add(found)
            if number % _LOOK_AT_CLOCK == 0 and time.monotonic() > until:
                is_complete = False
                break
        if is_complete:
            comparison.end(head)
        comparison.compare_newest_checkpoint(head[0])
    return RecentReport(
        events=head[0],
        first=start + 1,
        through=comparison.last,
        checkpoints=comparison.compared,
        problems=tuple(comparison.problems[:MAX_PROBLEMS]),
    )


class _Comparison:
    """Compares the events after the event `start` with the chain, the tree and checkpoints."""

    def __init__(self, connection: Connection, start: int) -> None:
        self.problems: list[Problem] = []
        self.compared = 0
        self.last = start
        self._connection = connection
        self._chain = chain.Chain(removed_events(connection), (start, _hash_of(connection, start)))
        self._roots = _roots(connection, start)
        self._frontier = _frontier(connection, start)

    def add(self, row: Row[Any]) -> None:
        """Compare with the event in `row`."""
        record = AuditRecord(*row[: len(AuditRecord.__struct_fields__)])
        self.problems += self._chain.follow(record)
        self.last = record.sequence
        if self._frontier is None or record.sequence != self._frontier.size + 1:
            self._frontier = None
            return
        entry = tree.entry(record.sequence, record.kind, row.decision_id, record.time, record.hash)
        leaf = merkle.leaf_hash(entry)
        self._frontier.append(leaf)
        if row.leaf is None or bytes(row.leaf) != leaf:
            problem = "the tree of hashes has another hash of it"
            self.problems.append(Problem(record.sequence, problem))
        if (root := self._roots.pop(record.sequence, None)) is not None:
            self._compare(record.sequence, self._frontier.root(), root)

    def end(self, head: tuple[int, str]) -> None:
        """Compare the last event with the `head` of the log."""
        self.problems += self._chain.end(head)

    def compare_newest_checkpoint(self, size: int) -> None:
        """Compare the newest checkpoint with the tree, if it is of earlier events."""
        query = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)
        newest = self._connection.execute(query).first()
        if newest is None or self.problems:
            return
        if newest.size > size:
            problem = f"is missing, but the stored checkpoint has {newest.size} events"
            self.problems.append(Problem(size + 1, problem))
        elif not self.compared:
            try:
                root = merkle.root(int(newest.size), tree.reader(self._connection))
            except AuditError as error:
                self.problems.append(Problem(int(newest.size), str(error)))
            else:
                self._compare(int(newest.size), root, str(newest.root))

    def _compare(self, size: int, root: bytes, stated: str) -> None:
        self.compared += 1
        if root.hex() != stated:
            problem = f"the stored checkpoint of {size} events has other events up to it"
            self.problems.append(Problem(size, problem))


def _hash_of(connection: Connection, sequence: int) -> str:
    if not sequence:
        return chain.GENESIS
    query = select(events.c.hash).where(events.c.sequence == sequence)
    return str(connection.execute(query).scalar() or "")


def _roots(connection: Connection, start: int) -> dict[int, str]:
    """Return the roots of the stored checkpoints after the event `start` by their size."""
    query = select(checkpoints.c.size, checkpoints.c.root).where(checkpoints.c.size > start)
    found: Mapping[int, str] = {int(size): str(root) for size, root in connection.execute(query)}
    return dict(found)


def _frontier(connection: Connection, size: int) -> merkle.Frontier | None:
    """Return the stored tree of `size` leaves; None if the log has no tree yet."""
    if not tree.leaves(connection):
        return None
    try:
        return merkle.Frontier.of(size, tree.reader(connection))
    except AuditError:
        return None
