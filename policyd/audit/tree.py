"""The Merkle tree over the events of the audit log.

In: a connection to the log. Out: entries, hashes, the width of the tree. Leaf N - 1 is the entry of
event N. An entry has digests only: the log can be shown to others without showing any project.
Source: RFC 6962, section 2.1; C2SP tlog-tiles.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, insert, select

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


class Entry(msgspec.Struct, frozen=True):
    """What the tree holds of an event. `hash` is that of the hash chain: it covers the payload."""

    v: int
    sequence: int
    kind: str
    decision: str
    time: str
    hash: str


def entry(row: Row[Any]) -> bytes:
    """Return the entry of the event in `row`, which has ENTRY_COLUMNS."""
    return to_json(Entry(1, int(row.sequence), row.kind, row.decision_id, row.time, row.hash))


def leaves(connection: Connection) -> int:
    """Return the number of leaves of the stored tree."""
    last = select(func.max(tree_nodes.c.position)).where(tree_nodes.c.level == 0)
    found = connection.execute(last).scalar()
    return 0 if found is None else int(found) + 1


def reader(connection: Connection) -> merkle.ReadHash:
    """Return what reads hashes of the stored tree. It raises AuditError for one that is missing."""

    def read(level: int, index: int) -> bytes:
        query = select(tree_nodes.c.hash).where(
            tree_nodes.c.level == level, tree_nodes.c.position == index
        )
        found = connection.execute(query).scalar()
        if found is None:
            raise AuditError(f"the tree of the audit log has no hash {index} at level {level}")
        return bytes(found)

    return read


def grow(connection: Connection, appended: int = 0) -> int:
    """Add the events that the stored tree does not have to it; return the number of its leaves.

    The last `appended` events are those of this transaction. Raises AuditError if events are
    missing.
    """
    size = leaves(connection)
    head = int(connection.execute(select(heads.c.sequence)).scalar() or 0)
    earlier = head - appended
    if size > earlier:
        raise AuditError(
            f"event {earlier + 1} is missing: the tree of the audit log has {size} events, but the "
            f"log ends at event {earlier}; see `policyd audit verify`"
        )
    frontier = merkle.Frontier.of(size, reader(connection))
    while frontier.size < head:
        _append_rows(connection, frontier)
    return head


def _append_rows(connection: Connection, frontier: merkle.Frontier) -> None:
    query = (
        select(*ENTRY_COLUMNS)
        .where(events.c.sequence > frontier.size)
        .order_by(events.c.sequence)
        .limit(_ROWS_AT_ONCE)
    )
    rows = connection.execute(query).all()
    nodes: list[dict[str, object]] = []
    for row in rows:
        if row.sequence != frontier.size + 1:
            break
        for level, position, digest in frontier.append(merkle.leaf_hash(entry(row))):
            nodes.append({"level": level, "position": position, "hash": digest})
    if not nodes:
        raise AuditError(f"event {frontier.size + 1} of the audit log is missing")
    connection.execute(insert(tree_nodes), nodes)
