"""Compare the events with evidence: the stored tree, checkpoints, and hashes kept elsewhere.

In: a connection that reads a snapshot of the log, statements about its earlier states. Out: the
problems, with the first event that is missing, or from which on an event may be changed.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, CursorResult, Select, select

from policyd.audit import tree
from policyd.audit.chain import GENESIS, Problem
from policyd.audit.tables import checkpoints, events, tree_nodes
from policyd.transparency import merkle

_ROWS_AT_ONCE: Final = 500


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


def statement_problems(
    entries: Iterator[LoggedEvent],
    statements: Iterable[Statement],
    start: tuple[int, str] = (0, GENESIS),
) -> Iterator[Problem]:
    """Yield one problem for each of `statements` that `entries` contradict.

    `start` are number and hash of the event before the first of `entries`. The tree of the log is
    not known if that is not the first event, so a checkpoint is a problem then.
    """
    by_size = sorted(statements, key=lambda one: one.size)
    frontier, (last, last_hash), agreed = merkle.Frontier(), start, start[0]
    for statement in by_size:
        if start[0] and statement.root is not None:
            yield Problem(1, f"is missing, so {statement.source} cannot be compared")
            continue
        while last < statement.size and (row := next(entries, None)) is not None:
            frontier.append(row.leaf)
            last, last_hash = row.sequence, row.hash
        if last < statement.size:
            yield Problem(
                last + 1, f"is missing, but {statement.source} has {statement.size} events"
            )
        elif statement.size < start[0]:
            yield Problem(statement.size, f"is missing, so {statement.source} cannot be compared")
        elif _agrees(statement, frontier, last_hash):
            agreed = statement.size
        else:
            yield _contradiction(statement, agreed)


def tree_problems(connection: Connection) -> Iterator[Problem]:
    """Yield the first difference between the events and the stored tree.

    A log that an earlier version wrote has no tree before its next event.
    """
    frontier = merkle.Frontier()
    with _streamed(connection, _NODES) as stored:
        for row in entries(connection):
            for level, position, digest in frontier.append(row.leaf):
                node = stored.fetchone()
                if node is None and row.sequence == 1:
                    return
                if node is None or (node.level, node.position, bytes(node.hash)) != (
                    level, position, digest,
                ):  # fmt: skip
                    what = "it" if level == 0 else f"the {2**level} events up to it"
                    problem = f"the tree of hashes has another hash of {what}"
                    yield Problem(row.sequence, problem)
                    return
        if stored.fetchone() is not None:
            yield Problem(frontier.size + 1, "is missing, but the tree of hashes has it")


_NODES: Final = select(tree_nodes).order_by(
    (tree_nodes.c.position + 1).op("<<")(tree_nodes.c.level), tree_nodes.c.level
)
"""The nodes of the tree in the order in which the leaves complete them."""


class LoggedEvent(NamedTuple):
    """An event of the chain, and the hash of its leaf in the tree."""

    sequence: int
    hash: str
    leaf: bytes


def entries(connection: Connection) -> Iterator[LoggedEvent]:
    """Yield the events up to the first gap, each with the hash of its leaf."""
    query = select(*tree.ENTRY_COLUMNS).order_by(events.c.sequence)
    with _streamed(connection, query) as rows:
        for number, row in zip(itertools.count(1), rows, strict=False):
            if row.sequence != number:
                return
            entry = tree.entry(number, row.kind, row.decision_id, row.time, row.hash)
            yield LoggedEvent(number, row.hash, merkle.leaf_hash(entry))


def _streamed(connection: Connection, query: Select[Any]) -> closing[CursorResult[Any]]:
    """Return the rows of `query`, of which few are in memory; leaving the context closes them."""
    return closing(connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query))


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
