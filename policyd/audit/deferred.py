"""Decisions that wait for the audit log: they were made while it could not be written.

In: decisions of clients whose failure policy is Ignore. Out: their records, once the log can be
written again, in the order in which they were made. Until then each is a file, readable by its
owner only, which survives a restart. The folder is bounded: when it is full, nothing is deferred.
Several processes may share a folder. Errors: AuditError.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import structlog
from sqlalchemy import Connection, select

from policyd.audit.event import (
    DECISION,
    SUPERSEDED,
    DecisionEvent,
    decision_event,
    event_of,
    payload_of,
    rfc3339,
)
from policyd.audit.rows import record_of
from policyd.audit.store import Store
from policyd.audit.tables import events
from policyd.errors import AuditError, Unrecordable
from policyd.limits import MIB
from policyd.model import Caller, Decision, RecordedInput, Review, to_json

MAX_WAITING: Final = 10_000
"""Decisions that wait in one folder."""
MAX_BYTES: Final = 1024 * MIB
"""Bytes of all of them. A decision has some kilobytes."""
DEFERRED: Final = "deferred"
"""The annotation of a decision that was recorded after it was answered."""

_WAITING: Final = ".json"
_MALFORMED: Final = ".malformed"

log = structlog.get_logger("policyd.deferred")


class DeferredDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `Store.append_decision` records: a decision without values of the project."""

    review: Review
    decision: Decision
    files: tuple[str, ...] = ()
    requested_by: str = ""
    request_id: str = ""
    recorded_input: RecordedInput | None = None
    content: str = ""
    caller: Caller | None = None


class DeferredDecisions:
    """The decisions that wait in one folder, which is created when the first one comes."""

    def __init__(self, folder: Path, most: int = MAX_WAITING, most_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._most = most
        self._most_bytes = most_bytes

    def put(
        self,
        review: Review,
        decision: Decision,
        *,
        files: tuple[str, ...] = (),
        requested_by: str = "",
        request_id: str = "",
        recorded_input: RecordedInput | None = None,
        content: str = "",
        caller: Caller | None = None,
    ) -> None:
        """Write to the disk what `Store.append_decision` will record.

        Raises AuditError if the folder is full or cannot be written: nothing is deferred then.
        """
        annotations = {**decision.audit_annotations, DEFERRED: "true"}
        decision = msgspec.structs.replace(decision, audit_annotations=annotations)
        deferred = DeferredDecision(
            review, decision, files, requested_by, request_id, recorded_input, content, caller
        )
        payload_of(_event_of(deferred))  # a text that the log cannot hold is refused now
        name = f"{review.now:020d}-{decision.decision_id}"
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_space()
            _write(self._folder / f"{name}.new", to_json(deferred))
            os.rename(self._folder / f"{name}.new", self._folder / f"{name}{_WAITING}")
            _sync(self._folder)
        except OSError as error:
            raise AuditError(
                f"the decision cannot be deferred in {self._folder}: {error.strerror}"
            ) from error

    def waiting(self) -> int:
        """Return the number of decisions that wait, 0 if the folder cannot be read."""
        try:
            with os.scandir(self._folder) as entries:
                return sum(entry.name.endswith(_WAITING) for entry in entries)
        except OSError:
            return 0

    def record(self, store: Store) -> int:
        """Record what waits, oldest first; return how many. Another process may be doing so: 0.

        Raises AuditError when the log cannot be written: the others go on waiting.
        """
        if not self.waiting():
            return 0
        number = 0
        with _alone(self._folder) as is_alone:
            for path in sorted(self._folder.glob(f"*{_WAITING}")) if is_alone else ():
                number += self._record(path, store)
        return number

    def _record(self, path: Path, store: Store) -> bool:
        """Record the decision in the file `path` and remove it. Return whether it was recorded."""
        try:
            deferred = msgspec.json.decode(path.read_bytes(), type=DeferredDecision)
            is_recorded = _record(deferred, store)
        except (OSError, ValueError, RecursionError, Unrecordable) as error:
            log.error("deferred decision malformed", file=str(path), reason=type(error).__name__)
            path.rename(path.with_suffix(_MALFORMED))
            return False
        path.unlink()
        return is_recorded

    def _check_space(self) -> None:
        with os.scandir(self._folder) as entries:
            sizes = [entry.stat().st_size for entry in entries if entry.name.endswith(_WAITING)]
        if len(sizes) >= self._most or sum(sizes) >= self._most_bytes:
            raise AuditError(
                f"the folder {self._folder} is full of decisions that wait for the audit log: "
                f"{len(sizes):,}"
            )


def _record(deferred: DeferredDecision, store: Store) -> bool:
    """Record `deferred` unless it is in the log. Return whether it was not."""
    decision = deferred.decision
    with store.database.reading() as connection:
        own = select(events.c.sequence).where(events.c.decision_id == decision.decision_id)
        if connection.execute(own).first() is not None:
            return False
        if _is_superseded(connection, deferred):
            annotations = {**decision.audit_annotations, SUPERSEDED: "true"}
            decision = msgspec.structs.replace(decision, audit_annotations=annotations)
    store.append_decision(
        deferred.review,
        decision,
        files=deferred.files,
        requested_by=deferred.requested_by,
        request_id=deferred.request_id,
        recorded_input=deferred.recorded_input,
        content=deferred.content,
        caller=deferred.caller,
    )
    return True


def _is_superseded(connection: Connection, deferred: DeferredDecision) -> bool:
    """Return whether a later decision moved the grants of the same target."""
    event = _event_of(deferred)
    if event.ends_with is None:
        return False
    later = select(events).where(
        events.c.kind == DECISION,
        events.c.allowed,
        events.c.payload != "",
        events.c.time >= rfc3339(deferred.review.now),
        *(events.c[name] == value for name, value in event.target._asdict().items()),
    )
    others = (event_of(record_of(row)) for row in connection.execute(later))
    return any(
        other.ends_with is not None and other.input.review.now > deferred.review.now
        for other in others
    )


def _event_of(deferred: DeferredDecision) -> DecisionEvent:
    return decision_event(deferred.review, deferred.decision, deferred.files)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Yield whether no other process records what waits in `folder`."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise AuditError(f"{folder} cannot be locked: {error.strerror}") from error
    try:
        yield _locked(descriptor)
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
