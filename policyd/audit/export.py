"""Read the events of the audit log in their order, page by page.

In: a database, conditions on events. Out: pages of events, however long the log is; no page keeps
the database busy while its reader is slow. Sequence numbers are given out in the order of commits,
so no event appears later among those that were read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import func, select

from policyd.audit.chain import GENESIS
from policyd.audit.database import Database
from policyd.audit.exported_event import ExportedEvent
from policyd.audit.rows import record_of
from policyd.audit.tables import events
from policyd.model import AuditRecord

PAGE: Final = 500
"""Events of a page."""
_COLUMNS: Final = (
    *(events.c[name] for name in AuditRecord.__struct_fields__),
    events.c.decision_id,
)


class Position(NamedTuple):
    """An event of a log: its sequence number, 0 before the first, and its hash."""

    sequence: int = 0
    hash: str = GENESIS


def last_position(database: Database) -> Position:
    """Return the last event of the log."""
    return _position(database, select(func.max(events.c.sequence)).scalar_subquery())


def position_at(database: Database, sequence: int) -> Position:
    """Return the event `sequence` with its hash, the position before all if there is none."""
    return _position(database, sequence)


def pages(
    database: Database, conditions: Sequence[Any] = (), *, after: int = 0, through: int
) -> Iterator[list[ExportedEvent]]:
    """Yield the events after `after` up to `through` that `conditions` select, oldest first."""
    while True:
        query = (
            select(*_COLUMNS)
            .where(events.c.sequence > after, events.c.sequence <= through, *conditions)
            .order_by(events.c.sequence)
            .limit(PAGE)
        )
        with database.reading() as connection:
            rows = connection.execute(query).all()
        if rows:
            yield [ExportedEvent(record_of(row), str(row.decision_id)) for row in rows]
            after = int(rows[-1].sequence)
        if len(rows) < PAGE:
            return


def _position(database: Database, sequence: Any) -> Position:
    query = select(events.c.sequence, events.c.hash).where(events.c.sequence == sequence)
    with database.reading() as connection:
        row = connection.execute(query).first()
    return Position(int(row.sequence), str(row.hash)) if row else Position()
