"""Compare the events with evidence: the stored tree, checkpoints, and hashes kept elsewhere.

In: a connection that reads a snapshot of the log, statements about its earlier states. Out: the
problems, with the first event that is missing, or from which on an event may be changed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, select

from policyd.audit.chain import GENESIS, Problem
from policyd.audit.rows import stream
from policyd.audit.tables import checkpoints, tree_nodes
from policyd.transparency import merkle


class Statement(msgspec.Struct, frozen=True):
    """What `source` states of the first `size` events: the root of their tree, or the last hash.

    `is_listed` says whether a report names it when it agrees: of many in one file, one is enough.
    """

    source: str
    size: int
    root: bytes | None = None
    hash: str = ""
    is_listed: bool = True


def stored_statements(connection: Connection) -> Iterator[Statement]:
    """Yield what the stored checkpoints state."""
    query = select(checkpoints.c.size, checkpoints.c.root).order_by(checkpoints.c.size)
    for row in connection.execute(query):
        source = f"the stored checkpoint of {row.size} events"
        yield Statement(source, int(row.size), root=_bytes(row.root))


class Statements:
    """Compares statements with a log whose events come one by one.

    `start` are number and hash of the event before the first one. The tree of the log is not known
    if that is not the first event, so a checkpoint is a problem then.
    """

    def __init__(
        self, statements: Iterable[Statement], start: tuple[int, str] = (0, GENESIS)
    ) -> None:
        self._waiting = deque(sorted(statements, key=lambda one: one.size))
        self._start = start[0]
        self._agreed = start[0]

    @property
    def following(self) -> int | None:
        """The number of events that the next statement is about, None if there is none."""
        return self._waiting[0].size if self._waiting else None

    def compare(self, last: int, last_hash: str, frontier: merkle.Frontier) -> Iterator[Problem]:
        """Yield the problems of the statements that are about the events up to `last`.

        `last_hash` is its hash in the chain, `frontier` the tree of these events.
        """
        while self._waiting and self._waiting[0].size <= last:
            statement = self._waiting.popleft()
            if self._is_before_start(statement):
                yield self._incomparable(statement)
            elif _agrees(statement, frontier, last_hash):
                self._agreed = statement.size
            else:
                yield _contradiction(statement, self._agreed)

    def end(self, last: int) -> Iterator[Problem]:
        """Yield a problem for each other statement: the log ends with the event `last`."""
        for statement in self._waiting:
            if self._is_before_start(statement):
                yield self._incomparable(statement)
            else:
                problem = f"is missing, but {statement.source} has {statement.size} events"
                yield Problem(last + 1, problem)

    def _is_before_start(self, statement: Statement) -> bool:
        return statement.size < self._start or bool(self._start and statement.root is not None)

    def _incomparable(self, statement: Statement) -> Problem:
        missing = 1 if statement.root is not None else statement.size
        return Problem(missing, f"is missing, so {statement.source} cannot be compared")


def statement_problems(
    entries: Iterable[LoggedEvent],
    statements: Iterable[Statement],
    start: tuple[int, str] = (0, GENESIS),
) -> Iterator[Problem]:
    """Yield one problem for each of `statements` that `entries` contradict.

    `start` is that of Statements.
    """
    compared, frontier, last = Statements(statements, start), merkle.Frontier(), start[0]
    yield from compared.compare(*start, frontier)
    for entry in entries:
        if compared.following is None:
            break
        frontier.append(entry.leaf)
        last = entry.sequence
        yield from compared.compare(last, entry.hash, frontier)
    yield from compared.end(last)


class StoredTree:
    """Compares the stored tree with the subtrees that events complete, in their order.

    A log that an earlier version wrote has no tree before its next event.
    """

    def __init__(self, connection: Connection) -> None:
        self._stored: Iterator[Row[Any]] = stream(connection, _NODES)
        self._is_compared = True

    def compare(self, sequence: int, completed: Iterable[merkle.Subtree]) -> list[Problem]:
        """Return the first difference to the subtrees that the event `sequence` completes."""
        if not self._is_compared:
            return []
        for subtree in completed:
            node = next(self._stored, None)
            if node is not None and tuple(node) == subtree:
                continue
            self._is_compared = False
            if node is None and sequence == 1:
                return []
            level = subtree[0]
            what = "it" if level == 0 else f"the {2**level} events up to it"
            return [Problem(sequence, f"the tree of hashes has another hash of {what}")]
        return []

    def end(self, size: int) -> list[Problem]:
        """Return the problem that the stored tree has more than the `size` events."""
        if self._is_compared and next(self._stored, None) is not None:
            return [Problem(size + 1, "is missing, but the tree of hashes has it")]
        return []


_NODES: Final = select(tree_nodes.c.level, tree_nodes.c.position, tree_nodes.c.hash).order_by(
    (tree_nodes.c.position + 1).op("<<")(tree_nodes.c.level), tree_nodes.c.level
)
"""The nodes of the tree in the order in which the leaves complete them."""


class LoggedEvent(NamedTuple):
    """An event of the chain, and the hash of its leaf in the tree."""

    sequence: int
    hash: str
    leaf: bytes


def _agrees(statement: Statement, frontier: merkle.Frontier, last_hash: str) -> bool:
    if statement.root is not None:
        return frontier.root() == statement.root
    return last_hash == statement.hash


def _contradiction(statement: Statement, agreed: int) -> Problem:
    """Return the problem of a statement that is wrong; the first `agreed` events are confirmed."""
    size, source = statement.size, statement.source
    if size <= agreed:
        return Problem(size, f"the log has two heads: {source} contradicts others of {size} events")
    what = "it" if size == agreed + 1 else f"it, or a later one up to event {size},"
    return Problem(agreed + 1, f"{what} was changed: {source} has other events")


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""
