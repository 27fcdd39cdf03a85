"""Deliver decisions to an endpoint that takes the decision log of OPA.

In: the database of an audit log, an endpoint, a file for the position. Out: batches over HTTP: a
JSON array of events, compressed with gzip, as OPA's plugin for decision logs sends it. Each batch
is read after the one before was accepted, and the position moves on afterwards: a killed delivery
sends its last batch again, and no decision is left out. Source: OPA, "Decision Logs".
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from policyd.audit.database import Database
from policyd.audit.export import Position, last_position, pages, position_at
from policyd.audit.export_state import ExportState
from policyd.audit.exported_event import ExportedEvent
from policyd.audit.tables import events
from policyd.errors import AuditError, DeliveryError
from policyd.http_endpoint import Answer, Endpoint

MAX_BATCH: Final = 1 << 20
"""Bytes of a batch before compression. A larger decision is a batch of its own."""
REQUEST_SECONDS: Final = 60.0
"""Time limit of one request."""
PAUSES: Final = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds before a repetition. The last pause is repeated."""
TOO_LARGE: Final = 413

_HEADERS: Final = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

Wait = Callable[[float], bool]
"""Waits so many seconds, and returns whether the delivery has to end instead."""


class Delivery:
    """Delivers the decisions that `conditions` select. The caller holds the lock of `state`.

    `patience` is the number of seconds for which a batch is repeated, None for ever. `complain` is
    called with the reason of each repetition.
    """

    def __init__(
        self,
        database: Database,
        endpoint: Endpoint,
        state: ExportState,
        conditions: Sequence[Any],
        *,
        wait: Wait,
        complain: Callable[[str], None],
        patience: float | None,
    ) -> None:
        self._database = database
        self._endpoint = endpoint
        self._state = state
        self._conditions = conditions
        self._wait = wait
        self._complain = complain
        self._patience = patience
        self._position = state.read()
        self.delivered = 0
        """The number of decisions that the endpoint accepted."""
        self.is_over = False
        """Whether `wait` said that the delivery has to end."""

    @property
    def position(self) -> Position:
        """The last event that needs no delivery any more."""
        return self._position

    def deliver(self) -> None:
        """Deliver all decisions that the log has now.

        Raises DeliveryError if the endpoint refuses a batch or does not take it within the
        patience, if the position cannot be kept, and if the log is not the one that it is of;
        AuditError if the log cannot be read.
        """
        self._check_position()
        last = last_position(self._database)
        through = last.sequence
        has_content = events.c.payload != ""  # retention may have been faster
        conditions = [*self._conditions, has_content]
        after = self._position.sequence
        for page in pages(self._database, conditions, after=after, through=through):
            for batch in batches(page):
                self._send(batch)
                if self.is_over:
                    return
        if last.sequence > self._position.sequence:
            self._move(last)

    def follow(self, interval: float) -> None:
        """Deliver all decisions, and new ones every `interval` seconds, until `wait` ends it.

        A log that cannot be read is tried again. Raises DeliveryError as `deliver` does.
        """
        while not self.is_over:
            try:
                self.deliver()
            except AuditError as error:
                self._complain(str(error))
            self.is_over = self.is_over or self._wait(interval)

    def _check_position(self) -> None:
        kept = self._position
        if kept.sequence and position_at(self._database, kept.sequence) != kept:
            raise DeliveryError(
                f"{self._database.name} is not the log whose events up to {kept.sequence} were "
                "delivered: it does not have that event with its hash; see `policyd audit verify`"
            )

    def _send(self, batch: Sequence[ExportedEvent]) -> None:
        text = ",".join(one.record.payload for one in batch)
        body = gzip.compress(f"[{text}]".encode(), mtime=0)
        waited, attempt = 0.0, 0
        while not self.is_over:
            try:
                answer = self._endpoint.send("POST", body, _HEADERS, REQUEST_SECONDS)
            except DeliveryError as error:
                reason, asked = str(error), 0.0
            else:
                if answer.is_success:
                    self._accepted(batch)
                    return
                if answer.status == TOO_LARGE and len(batch) > 1:
                    self._send(batch[: len(batch) // 2])
                    self._send(batch[len(batch) // 2 :])
                    return
                reason, asked = self._refused(answer), answer.pause
            pause = asked or PAUSES[min(attempt, len(PAUSES) - 1)]
            if self._patience is not None and waited + pause > self._patience:
                raise DeliveryError(f"{reason}; gave up after {attempt + 1} attempts")
            self._complain(f"{reason}; the next attempt is in {pause:g} s")
            self.is_over = self._wait(pause)
            waited, attempt = waited + pause, attempt + 1

    def _refused(self, answer: Answer) -> str:
        """Return why a batch is repeated. Raises DeliveryError if a repetition cannot help."""
        reason = f"{self._endpoint.name} answered with status {answer.status}"
        if not answer.may_repeat:
            raise DeliveryError(
                f"{reason}; the decisions after event {self._position.sequence} were not delivered"
            )
        return reason

    def _accepted(self, batch: Sequence[ExportedEvent]) -> None:
        self.delivered += len(batch)
        record = batch[-1].record
        self._move(Position(record.sequence, record.hash))

    def _move(self, position: Position) -> None:
        self._state.write(position)
        self._position = position


def batches(page: Sequence[ExportedEvent]) -> Iterator[list[ExportedEvent]]:
    """Yield the events of `page` in batches of at most MAX_BATCH bytes."""
    batch: list[ExportedEvent] = []
    size = 0
    for event in page:
        length = len(event.record.payload.encode())
        if batch and size + length > MAX_BATCH:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += length
    if batch:
        yield batch
