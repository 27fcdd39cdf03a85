"""A queue of pushes that wait for their review, and the thread that reviews them.

In: pushes, as the notifications of a registry report them. Out: calls of `review`, one per push and
in order, repeated after a pause if the registry or the audit log fails. The queue is in memory and
bounded.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

import structlog

from policyd.errors import AuditError, Overloaded, PolicydError, RegistryError
from policyd.hooks.events import Push

MAX_WAITING: Final = 1_000
"""Waiting pushes. A registry keeps and repeats a notification that is answered with 503."""
MAX_REMEMBERED: Final = 10_000
"""Remembered ids of events. A registry repeats events of the last minutes."""
RETRY_SECONDS: Final = (1.0, 5.0, 25.0)
"""Pauses before a failed review is repeated."""
CLOSE_SECONDS: Final = 10.0
"""How long waiting pushes are still reviewed when the process ends."""

log = structlog.get_logger("policyd.registry")


class PushQueue:
    """Reviews the pushes to one registry in a thread, which the first push starts."""

    def __init__(
        self, review: Callable[[Push], None], give_up: Callable[[Push, PolicydError], None]
    ) -> None:
        """`review` reviews one push; `give_up` receives the error of the last attempt."""
        self._review = review
        self._give_up = give_up
        self._waiting: deque[Push] = deque()
        self._remembered: OrderedDict[str, None] = OrderedDict()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, push: Push) -> bool:
        """Queue `push` unless its event is already known. Return False when the queue is full."""
        with self._changed:
            if push.event_id in self._remembered:
                return True
            if len(self._waiting) >= MAX_WAITING or self._closing.is_set():
                return False
            self._remembered[push.event_id] = None
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.popitem(last=False)
            self._waiting.append(push)
            self._changed.notify()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, name="policyd-pushes", daemon=True
                )
                self._thread.start()
        return True

    def close(self) -> None:
        """Stop. Waiting pushes are reviewed for CLOSE_SECONDS, without further attempts."""
        with self._changed:
            self._closing.set()
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
                if not self._waiting:
                    return
                push = self._waiting.popleft()
            self._review_with_retries(push)

    def _review_with_retries(self, push: Push) -> None:
        for pause in (*RETRY_SECONDS, None):
            try:
                self._review(push)
                return
            except (RegistryError, AuditError, Overloaded) as error:
                if pause is None or self._closing.is_set():
                    self._give_up(push, error)
                    return
                log.warning(
                    "review failed, will be repeated",
                    seconds=pause,
                    reason=str(error),
                    **log_fields(push),
                )
                self._closing.wait(pause)


def log_fields(push: Push) -> dict[str, str]:
    """Return the fields of a log line about `push`."""
    return {"event_id": push.event_id, "repository": push.repository, "digest": push.digest}
