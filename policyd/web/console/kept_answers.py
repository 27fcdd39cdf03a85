"""Answers that are kept for some seconds, because many readers look at the same page.

In: what an answer depends on, and how it is made. Out: the answer, made now or a moment ago.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

Answer = TypeVar("Answer")

MAX_KEPT: Final = 64
"""Answers that are kept at the same time."""
_SECOND: Final = 1_000_000_000


class KeptAnswers(Generic[Answer]):
    """Keeps answers for `seconds`. Threads may share it: two may make the same answer at once."""

    def __init__(self, clock: Callable[[], int], seconds: int) -> None:
        """`clock` returns nanoseconds since the epoch."""
        self._clock = clock
        self._lifetime = seconds * _SECOND
        self._kept: dict[Hashable, tuple[int, Answer]] = {}

    def find(self, key: Hashable, make: Callable[[], Answer]) -> Answer:
        """Return the answer for `key`; `make` makes one if none is kept. Raises what it raises."""
        now = self._clock()
        kept = self._kept.get(key)
        if kept is not None and kept[0] <= now < kept[0] + self._lifetime:
            return kept[1]
        answer = make()
        if len(self._kept) >= MAX_KEPT:
            self._kept = {}
        self._kept[key] = now, answer
        return answer
