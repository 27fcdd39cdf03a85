"""The main process of the server: it replaces workers that end, however often they do.

granian ends the whole server when a worker ends twice within 5.5 seconds, and can miss a signal
that arrives while it replaces a worker. In: granian's options, and a function that is called every
second. Out: a server that runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from granian.server.mp import MPServer

LOOK_SECONDS: Final = 1.0
"""How often the main process looks after what the workers need."""
QUICK_SECONDS: Final = 10.0
"""A worker that ends earlier than this after its start has probably failed to start."""
FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 5.0
"""Seconds before a worker that failed repeatedly is started again: doubled each time."""
_STEP: Final = 0.05

log = structlog.get_logger("policyd.serve")


class SupervisedServer(MPServer):
    """A server of granian that never gives up on its workers."""

    def __init__(self, *arguments: Any, look: Callable[[], None], **options: Any) -> None:
        """Take the arguments of Granian. `look` is called every second, and before each start."""
        super().__init__(*arguments, **options)
        self._look = look
        self._failures: dict[int, int] = {}

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        while not self.interrupt_signal:
            self.main_loop_interrupt.wait(LOOK_SECONDS)
            # Cleared before the reasons are read, so that no later one is missed.
            self.main_loop_interrupt.clear()
            ended = self._ended()
            self._pause(max((self._pause_of(index) for index in ended), default=0))
            if self.interrupt_signal:
                break
            self._look()
            if ended:
                log.warning("workers replaced", workers=[index + 1 for index in ended])
                self._respawn_workers(ended, spawn_target, target_loader)
        # Workers that get the signal themselves end before they are told to: no failure.
        self.interrupt_children = _NoFailures()

    def _ended(self) -> list[int]:
        """Return the indexes of the workers that have ended since the last call."""
        ended = set()
        while self.interrupt_children:
            ended.add(self.interrupt_children.pop())
        return sorted(ended)

    def _pause_of(self, index: int) -> float:
        """Return how many seconds to wait before the worker at `index` is started again."""
        lived = time.monotonic() - self.wrks[index].birth
        failures = self._failures.get(index, 0) + 1 if lived < QUICK_SECONDS else 0
        self._failures[index] = failures
        return 0 if failures < 2 else min(FIRST_PAUSE * 2 ** (failures - 2), LONGEST_PAUSE)

    def _pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.interrupt_signal:
            time.sleep(_STEP)


class _NoFailures(list[int]):
    """Accepts workers that end while the server stops, and forgets them."""

    def append(self, _index: int) -> None:
        """Do nothing."""
