"""The Merkle tree over the events of the audit log.

In: a connection to the log. Out: entries, hashes, the width of the tree. Leaf N - 1 is the entry of
event N. An entry has digests only: the log can be shown to others without showing any project.
Source: RFC 6962, section 2.1; C2SP tlog-tiles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, bindparam, func, insert, or_, select

from policyd.audit.prepared import Prepared, driver_of
from policyd.audit.tables import events, heads, tree_nodes
from policyd.errors import AuditError
from policyd.model import to_json
from policyd.transparency import merkle

ENTRY_COLUMNS: Final[tuple[ColumnElement[Any], ...]] = (
    events.c.sequence,
    events.c.kind,
    events.c.decision_id,
    events.c.time,
    events.c.hash,
)
"""The columns of `tables.events` that an entry is made from."""
_ROWS_AT_ONCE: Final = 500

_LAST_LEAF: Final = Prepared(select(func.max(tree_nodes.c.position)).where(tree_nodes.c.level == 0))
_HEAD: Final = Prepared(select(heads.c.sequence))
_APPEND: Final = Prepared(insert(tree_nodes))
_NODE: Final = Prepared(
    select(tree_nodes.c.hash).where(
        tree_nodes.c.level == bindparam("of_level"), tree_nodes.c.position == bindparam("at")
    )
)


class Entry(msgspec.Struct, frozen=True):
    """What the tree holds of an event. `hash` is that of the hash chain: it covers the payload."""

    v: int
    sequence: int
    kind: str
    decision: str
    time: str
    hash: str


def entry(sequence: int, kind: str, decision: str, time: str, chain_hash: str) -> bytes:
    """Return the entry of an event. The arguments are its ENTRY_COLUMNS."""
    return to_json(Entry(1, sequence, kind, decision, time, chain_hash))


def leaves(connection: Connection) -> int:
    """Return the number of leaves of the stored tree."""
    found = _LAST_LEAF.first(connection, {})
    return 0 if found is None or found[0] is None else int(found[0]) + 1


def reader(connection: Connection) -> merkle.ReadHash:
    """Return what reads hashes of the stored tree. It raises AuditError for one that is missing."""

    def read(level: int, index: int) -> bytes:
        return _hash(_NODE.first(connection, _at(level, index)), level, index)

    return read


def _at(level: int, index: int) -> dict[str, int]:
    return {"of_level": level, "at": index}


def _hash(row: Sequence[Any] | None, level: int, index: int) -> bytes:
    """Return the hash in `row`, which was read for the node `index` at `level`."""
    if row is None:
        raise _missing(level, index)
    return bytes(row[0])


def grow(connection: Connection) -> merkle.Frontier:
    """Add the events that the stored tree does not have to it, and return its right edge.

    Raises AuditError if events are missing.
    """
    size = leaves(connection)
    row = _HEAD.first(connection, {})
    head = int(row[0]) if row else 0
    if size > head:
        raise AuditError(
            f"event {head + 1} is missing: the tree of the audit log has {size} events, but the "
            f"log ends at event {head}; see `policyd audit verify`"
        )
    frontier = merkle.Frontier.of(size, _read_edge(connection, size))
    while frontier.size < head:
        _append_rows(connection, frontier)
    return frontier


def _read_edge(connection: Connection, size: int) -> merkle.ReadHash:
    """Return what reads the hashes at the right edge of a tree of `size` leaves.

    A server is asked for all of them at once. With SQLite, that would take ten times the time.
    """
    driver = driver_of(connection)
    if driver is not None:
        return lambda level, index: _hash(_NODE.first_of(driver, _at(level, index)), level, index)
    found: dict[tuple[int, int], bytes] = {}
    if size:
        for row in connection.execute(edge_query(size)):
            found[row.level, row.position] = bytes(row.hash)

    def read(level: int, index: int) -> bytes:
        if (level, index) not in found:
            raise _missing(level, index)
        return found[level, index]

    return read


def edge_query(size: int) -> Select[Any]:
    """Return the query of the nodes at the right edge of a tree of `size` leaves, at least one.

    SQLite would read the whole table for a list of pairs.
    """
    level, position = tree_nodes.c.level, tree_nodes.c.position
    places = ((level == at) & (position == index) for at, index in merkle.edge(size))
    return select(tree_nodes).where(or_(*places))


def _missing(level: int, index: int) -> AuditError:
    return AuditError(f"the tree of the audit log has no hash {index} at level {level}")


def append(connection: Connection, frontier: merkle.Frontier, entries: Iterable[bytes]) -> None:
    """Add `entries` to the stored tree and to `frontier`, which is its right edge."""
    nodes = [
        {"level": level, "position": position, "hash": digest}
        for each in entries
        for level, position, digest in frontier.append(merkle.leaf_hash(each))
    ]
    _APPEND.run(connection, nodes)


def _append_rows(connection: Connection, frontier: merkle.Frontier) -> None:
    query = (
        select(*ENTRY_COLUMNS)
        .where(events.c.sequence > frontier.size)
        .order_by(events.c.sequence)
        .limit(_ROWS_AT_ONCE)
    )
    rows = connection.execute(query).all()
    following = [
        row for number, row in enumerate(rows, frontier.size + 1) if row.sequence == number
    ]
    if not following:
        raise AuditError(f"event {frontier.size + 1} of the audit log is missing")
    append(connection, frontier, [entry(*row) for row in following])
