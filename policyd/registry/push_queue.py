"""Pushes that wait to be judged, and the thread that does it.

In: pushes, as a registry's notifications name them. Out: each is handed to `judge` in order, again
after a pause when that fails for a reason that may pass. The queue is bounded and in memory.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final

import structlog

from policyd.errors import AuditError, PolicydError, RegistryError
from policyd.hooks.events import Push

MAX_WAITING: Final = 1_000
"""Pushes that wait: a registry keeps and repeats what was answered with 503."""
MAX_REMEMBERED: Final = 10_000
"""Ids of events that are remembered: a registry repeats those of the last minutes."""
RETRY_SECONDS: Final = (1.0, 5.0, 25.0)
"""Pauses before a registry, or a log, that failed is tried again."""
CLOSE_SECONDS: Final = 10.0
"""How long what waits may take when the process is asked to end."""

log = structlog.get_logger("policyd.registry")


class PushQueue:
    """Judges pushes of one registry in a thread that starts with the first."""

    def __init__(
        self, judge: Callable[[Push], None], give_up: Callable[[Push, PolicydError], None]
    ) -> None:
        """`judge` handles one push; `give_up` is told what it failed with the last time."""
        self._judge = judge
        self._give_up = give_up
        self._waiting: deque[Push] = deque()
        self._remembered: OrderedDict[str, None] = OrderedDict()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def offer(self, push: Push) -> bool:
        """Take `push`, unless its event is known already. False when the queue is full."""
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
        """Stop: what waits is judged for CLOSE_SECONDS more, and nothing is tried again."""
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
            self._judge_patiently(push)

    def _judge_patiently(self, push: Push) -> None:
        for pause in (*RETRY_SECONDS, None):
            try:
                self._judge(push)
                return
            except (RegistryError, AuditError) as error:
                if pause is None or self._closing.is_set():
                    self._give_up(push, error)
                    return
                log.warning("will try again", seconds=pause, reason=str(error), **log_fields(push))
                self._closing.wait(pause)


def log_fields(push: Push) -> dict[str, str]:
    """Return what a line of the log says of `push`."""
    return {"event_id": push.event_id, "repository": push.repository, "digest": push.digest}
