"""Count the containers of a service that run or are being started.

In: the list of running containers, from the daemon. Out: whether one more may start. The list and
the note of the new container are one step, so that two starts at once cannot both be the last one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

STARTING_SECONDS: Final = 120.0
"""How long a start counts whose end the daemon does not report."""


class Starting(NamedTuple):
    """A container that is being started, and its service."""

    container: str
    project: str
    service: str
    since: float


class Slots:
    """The starts on one host. May be used by many threads at once."""

    def __init__(
        self,
        running: Callable[[str, str], Iterable[str]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`running` returns the ids of containers that run, by their project and service."""
        self._running = running
        self._clock = clock
        self._lock = threading.Lock()
        self._starting: dict[str, Starting] = {}

    def take(self, name: str, container: str, project: str, service: str, most: int) -> int:
        """Note that `container`, which a request calls `name`, starts, if fewer than `most` run.

        Return how many others run or are being started.
        """
        with self._lock:
            now = self._clock()
            self._starting = {
                key: one
                for key, one in self._starting.items()
                if now - one.since < STARTING_SECONDS
            }
            others = set(self._running(project, service))
            others |= {
                one.container
                for one in self._starting.values()
                if (one.project, one.service) == (project, service)
            }
            others.discard(container)
            if len(others) < most:
                self._starting[name] = Starting(container, project, service, now)
            return len(others)

    def release(self, name: str) -> None:
        """Forget the start of what a request called `name`: it runs now, or was not started."""
        with self._lock:
            self._starting.pop(name, None)
