"""The threads of one worker that review the pushes to one registry.

In: pushes, as the notifications of a registry report them. Out: calls of `review`. Pushes are
stored before `offer` returns. A review that fails is repeated after a pause, which grows with each
attempt, and other pushes go on in the meantime. After the last attempt, the push is kept as failed.
The workers and replicas that share a database share the work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from policyd.audit.pushes import SECOND, Pushes
from policyd.errors import (
    MAX_MESSAGE,
    AuditError,
    EngineError,
    ForgeError,
    Overloaded,
    PolicydError,
    RegistryError,
)
from policyd.hooks.events import Push, PushRecord

RETRY_SECONDS: Final = (1.0, 5.0, 25.0, 120.0, 600.0, 1_800.0, 3_600.0)
"""Pauses after the failed attempts. There is one attempt more than pauses."""
THREADS: Final = 4
"""Pushes that one worker reviews at the same time, of one registry."""
CLAIM_SECONDS: Final = 15.0
"""After how long another process takes over a push whose process was killed."""
RENEW_SECONDS: Final = 5.0
POLL_SECONDS: Final = 1.0
"""How often pushes are looked for that another process stored, or that are due again."""
CLOSE_SECONDS: Final = 10.0
"""How long running reviews may take when the process ends. Others are reviewed by the next one."""

log = structlog.get_logger("policyd.registry")


class PushQueue:
    """Reviews the stored pushes to the registry `name`, from `start` to `close`."""

    def __init__(
        self,
        name: str,
        pushes: Pushes,
        review: Callable[[Push], None],
        give_up: Callable[[Push, PolicydError], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        """`review` reviews one push; `give_up` receives the error of the last attempt.

        `clock` returns nanoseconds since the epoch.
        """
        self._name = name
        self._pushes = pushes
        self._review = review
        self._give_up = give_up
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[int, threading.Thread] = {}
        self._renewed = 0.0
        self._is_cut_off = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to review pushes, if that has not started yet."""
        with self._lock:
            if self._thread is None and not self._closing.is_set():
                self._thread = _thread(self._run, "policyd-pushes")

    def offer(self, prefix: str, reported: Sequence[Push]) -> bool:
        """Store pushes whose events are not known yet. Return False when too many wait.

        Reviews state `prefix` and the repository. Raises AuditError.
        """
        if self._closing.is_set() or not self._pushes.add(
            self._name, prefix, reported, self._clock()
        ):
            return False
        self.start()
        self._wake.set()
        return True

    def close(self) -> None:
        """Stop. Running reviews may end within CLOSE_SECONDS."""
        with self._lock:
            self._closing.set()
            thread = self._thread
        self._wake.set()
        deadline = time.monotonic() + CLOSE_SECONDS
        if thread is not None:
            thread.join(CLOSE_SECONDS)
        with self._lock:
            reviews = list(self._running.values())
        for review in reviews:
            review.join(max(deadline - time.monotonic(), 0.0))

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._renew()
                self._claim()
                self._is_cut_off = False
            except AuditError as error:
                if not self._is_cut_off:
                    log.error("pushes cannot be read", registry=self._name, reason=str(error))
                self._is_cut_off = True
            self._wake.wait(POLL_SECONDS)
            self._wake.clear()

    def _renew(self) -> None:
        with self._lock:
            running = list(self._running)
        if running and time.monotonic() - self._renewed > RENEW_SECONDS:
            self._pushes.renew(running, self._claim_end())
            self._renewed = time.monotonic()

    def _claim(self) -> None:
        with self._lock:
            free = THREADS - len(self._running)
        if not free:
            return
        if not self._running:
            self._renewed = time.monotonic()
        for record in self._pushes.claim(self._name, free, self._clock(), self._claim_end()):
            with self._lock:
                if record.number in self._running:  # the clock went forward
                    continue
                self._running[record.number] = threading.Thread(
                    target=self._attempt, args=(record,), name="policyd-push", daemon=True
                )
                self._running[record.number].start()

    def _claim_end(self) -> int:
        return self._clock() + int(CLAIM_SECONDS * SECOND)

    def _attempt(self, record: PushRecord) -> None:
        try:
            self._settle(record, self._error_of(record))
        except AuditError as error:
            # The claim ends, and the push is attempted again.
            log.error("state of a push not stored", reason=str(error), **log_fields(record.push))
        finally:
            with self._lock:
                del self._running[record.number]
            self._wake.set()

    def _error_of(self, record: PushRecord) -> PolicydError | None:
        """Review the push and return the error of that; None if it is decided."""
        if record.attempts > len(RETRY_SECONDS) + 1:
            return PolicydError("the process ended during each attempt to review the push")
        try:
            self._review(record.push)
        except (RegistryError, ForgeError, AuditError, EngineError, Overloaded) as error:
            return error
        except Exception as error:
            log.error("internal error", exc_info=error, **log_fields(record.push))
            return PolicydError("internal error; see the log")
        return None

    def _settle(self, record: PushRecord, error: PolicydError | None) -> None:
        if error is None:
            self._pushes.finish(record.number, self._clock())
            return
        reason = error.masked[:MAX_MESSAGE]
        is_final = isinstance(error, ForgeError) and error.is_final
        if is_final or record.attempts > len(RETRY_SECONDS):
            self._give_up(record.push, error)
            self._pushes.fail(record.number, reason, self._clock())
            return
        pause = RETRY_SECONDS[record.attempts - 1]
        if isinstance(error, ForgeError):
            pause = max(pause, error.retry_after)
        log.warning(
            "review failed, will be repeated",
            seconds=pause,
            reason=reason,
            **log_fields(record.push),
        )
        self._pushes.postpone(record.number, reason, self._clock() + int(pause * SECOND))


def log_fields(push: Push) -> dict[str, str]:
    """Return the fields of a log line about `push`."""
    return {"event_id": push.event_id, "repository": push.repository, "digest": push.digest}


def _thread(target: Callable[[], None], name: str) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
