"""Remove the content of old decisions, so that the log can still be verified.

In: an audit log, a time. Out: an event that says up to which event content may be missing, then
decisions without it. Hashes, times, the columns for queries, grants and the tree stay: chain,
checkpoints and proofs hold as before. Decisions whose grants are held now keep their content, and
so do events of other kinds, which say who changed what. Webhooks may serve meanwhile: each
transaction removes little.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, exists, func, select, text, update

from policyd.audit.database import Database
from policyd.audit.event import DECISION, rfc3339
from policyd.audit.store import Store
from policyd.audit.tables import events, grants
from policyd.errors import RequestError
from policyd.model import AuditRecord

KIND: Final = "retention"
"""The kind of events that permit content to be missing."""
LEAST_AGE: Final = 24 * 3600 * 1_000_000_000
"""Nanoseconds for which a decision answers a review that is repeated: it keeps its content."""
_ROWS_AT_ONCE: Final = 100
_PAUSE: Final = 0.01
"""Seconds between two transactions, at least: decisions are recorded then."""


class Prunable(NamedTuple):
    """The number of decisions whose content can be removed, and the last event before the time."""

    decisions: int
    through: int


def prunable(store: Store, before: str, now: int) -> Prunable:
    """Return what `prune` would remove. `before` is RFC 3339, `now` nanoseconds since the epoch.

    Raises RequestError unless `before` is more than a day ago: decisions of the last day answer
    reviews that are repeated.
    """
    if before > rfc3339(now - LEAST_AGE):
        raise RequestError(
            "--before must be more than a day ago: the decisions of the last day answer reviews "
            "that are repeated"
        )
    last = select(func.max(events.c.sequence)).where(events.c.time < before)
    with store.database.reading() as connection:
        through = int(connection.execute(last).scalar() or 0)
        found = select(func.count()).select_from(events).where(*_conditions(through, rfc3339(now)))
        return Prunable(int(connection.execute(found).scalar_one()), through)


def prune(
    store: Store, before: str, *, now: int, actor: str, reason: str
) -> tuple[int, AuditRecord | None]:
    """Remove the content of decisions before `before`; return how many, and the event about it.

    The event is recorded first: an interrupted removal leaves a log that verifies, and is continued
    by the next one. Raises RequestError as `prunable` does, and AuditError.
    """
    number, through = prunable(store, before, now)
    if not number:
        return 0, None
    details = {"before": before, "through": through, "decisions": number}
    record = store.append_event(KIND, details, now=now, actor=actor, reason=reason)
    removed, last = 0, 0
    while sequences := _chosen(store.database, last, through, rfc3339(now)):
        began = time.monotonic()
        _remove(store.database, sequences)
        removed, last = removed + len(sequences), sequences[-1]
        time.sleep(max(_PAUSE, time.monotonic() - began))
    return removed, record


def next_page(after: int, through: int, now: str) -> Select[Any]:
    """Return the query of the next decisions after `after` whose content is to be removed."""
    return (
        select(events.c.sequence)
        .where(events.c.sequence > after, *_conditions(through, now))
        .order_by(events.c.sequence)
        .limit(_ROWS_AT_ONCE)
    )


def _chosen(database: Database, after: int, through: int, now: str) -> list[int]:
    with database.reading() as connection:
        return list(connection.execute(next_page(after, through, now)).scalars())


def _remove(database: Database, sequences: Sequence[int]) -> None:
    with database.writing() as connection:
        _overwrite_deleted(connection)
        of_these = events.c.sequence.in_(sequences)
        connection.execute(update(events).where(of_these).values(payload=""))


def _conditions(through: int, now: str) -> list[ColumnElement[bool]]:
    # With the bare columns, SQLite would read all of an index of kinds or states for each page.
    is_held = (
        exists()
        .where(grants.c.sequence == events.c.sequence)
        .where(grants.c.state.concat("") == "active")
        .where((grants.c.ended == "") | (grants.c.ended > now))
    )
    return [
        events.c.sequence <= through,
        events.c.kind.concat("") == DECISION,
        events.c.payload != "",
        ~is_held,
    ]


def _overwrite_deleted(connection: Connection) -> None:
    """Have SQLite overwrite what it deletes: otherwise it stays readable in the file."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete = ON"))
