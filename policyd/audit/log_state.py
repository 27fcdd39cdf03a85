"""The state of the audit log itself: its size, its checkpoints, and when it was last verified.

In: an audit log, the keys of its witnesses. Out: a LogState. Each value is read by an index, so the
time does not grow with the log. Times are RFC 3339 in UTC with nanoseconds. Errors: AuditError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import Connection, Row, select, text

from policyd.audit.log_event import LogEvent, log_event_of
from policyd.audit.rows import record_of
from policyd.audit.store import Store
from policyd.audit.tables import checkpoints, events, heads
from policyd.audit.verify import VerifyReport
from policyd.errors import AuditError, NoteError

if TYPE_CHECKING:
    from policyd.transparency.note import Verifier

VERIFIED: Final = "log-verified"
"""The kind of events that record a verification."""
MAX_PROBLEMS: Final = 10
"""Problems that such an event names."""

_NEWEST: Final = select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)
_SIZE: Final = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


class CheckpointState(msgspec.Struct, frozen=True, rename="camel"):
    """A checkpoint: the number of its events, when it was signed, and who cosigned it."""

    size: int
    time: str
    witnesses: tuple[str, ...] = ()


class Verification(msgspec.Struct, frozen=True, rename="camel"):
    """A verification: when, by whom, of how many events, and the number of problems."""

    time: str
    actor: str
    events: int
    problems: int
    first_problems: tuple[str, ...] = ()


class LogState(msgspec.Struct, frozen=True, rename="camel"):
    """The state of a log of `events` events, the `first` and the `last` at these times.

    `size` is that of the database in bytes, `head` the hash of the last event. `checkpoint` is the
    newest one and `after_checkpoint` the number of events after it; `cosigned` is the newest with
    enough witnesses. None, and "", are for what there is not.
    """

    events: int
    first: str
    last: str
    head: str
    size: int
    checkpoint: CheckpointState | None
    after_checkpoint: int
    cosigned: CheckpointState | None
    verification: Verification | None


def log_state(store: Store, witnesses: Sequence[Verifier] = (), least: int = 1) -> LogState:
    """Return the state of the log. `least` of the `witnesses` are enough."""
    with store.database.reading() as connection:
        head = connection.execute(select(heads.c.sequence, heads.c.hash)).first()
        if head is None:
            raise AuditError(f"the table heads of the audit log {store.name} is empty")
        newest = connection.execute(_NEWEST).first()
        enough = _newest_cosigned(connection, witnesses, least) if witnesses else None
        number = int(head.sequence)
        return LogState(
            events=number,
            first=_time_of(connection, 1),
            last=_time_of(connection, number),
            head=str(head.hash),
            size=int(connection.execute(text(_SIZE[store.database.dialect])).scalar_one()),
            checkpoint=_checkpoint(newest, witnesses),
            after_checkpoint=number - int(newest.size) if newest else number,
            cosigned=_checkpoint(enough, witnesses),
            verification=_last_verification(connection),
        )


def record_verification(store: Store, report: VerifyReport, *, now: int, actor: str) -> None:
    """Record that `actor` had the log verified at `now`, in nanoseconds, with this `report`."""
    details: dict[str, Any] = {
        "events": report.events,
        "head": report.head,
        "problems": len(report.problems),
        "firstProblems": [str(one) for one in report.problems[:MAX_PROBLEMS]],
    }
    store.append_event("log-verified", details, now=now, actor=actor)


def _time_of(connection: Connection, sequence: int) -> str:
    found = select(events.c.time).where(events.c.sequence == sequence)
    return str(connection.execute(found).scalar() or "")


def _newest_cosigned(
    connection: Connection, witnesses: Sequence[Verifier], least: int
) -> Row[Any] | None:
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.audit.cosignatures import newest_cosigned

    return newest_cosigned(connection, witnesses, least)


def _checkpoint(row: Row[Any] | None, witnesses: Sequence[Verifier]) -> CheckpointState | None:
    if row is None:
        return None
    names = _cosigners(str(row.note), witnesses) if witnesses else ()
    return CheckpointState(int(row.size), str(row.time), names)


def _cosigners(note: str, witnesses: Sequence[Verifier]) -> tuple[str, ...]:
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.transparency.witness import cosigners

    try:
        return tuple(cosigners(note, witnesses))
    except NoteError:  # `verify` reports it
        return ()


def _last_verification(connection: Connection) -> Verification | None:
    query = (
        select(events)
        .where(events.c.kind == VERIFIED)
        .order_by(events.c.time.desc(), events.c.sequence.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return _verification(log_event_of(record_of(row))) if row else None


def _verification(event: LogEvent) -> Verification:
    try:
        return msgspec.convert(
            {"time": event.timestamp, "actor": event.actor, **event.details}, Verification
        )
    except msgspec.ValidationError as error:
        raise AuditError(f"the event {event.event_id} is malformed: {error}") from error
