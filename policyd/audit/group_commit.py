"""Group commit: write items together that threads submit at the same time.

In: items from any thread. Out: the result of each item, once its batch is written. The thread that
gets the lock writes the items of all waiting threads, so one fsync serves them all and no extra
thread is needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from policyd.deadline import remaining

TIMEOUT: Final = 60.0
"""Seconds that an item waits for its turn. A batch takes milliseconds."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Entry(Generic[Item, Result]):
    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.result: Result
        self.error: BaseException | None = None


class GroupCommit(Generic[Item, Result]):
    """Calls `write` with a function that returns all waiting items, the batch.

    `write` calls it once, when it can write at once: the longer it waits for others, the larger is
    the batch. It returns the results of the items in their order.
    """

    def __init__(self, write: Callable[[Callable[[], list[Item]]], Sequence[Result]]) -> None:
        self._write = write
        self._turn = threading.Lock()
        self._waiting: list[_Entry[Item, Result]] = []
        self._waiting_lock = threading.Lock()

    def submit(self, item: Item) -> Result:
        """Return the result of `item` once it is written.

        Raises the exception of `write` for its batch, and TimeoutError by the deadline of the
        review; then the item may still be written if its batch is being written.
        """
        entry: _Entry[Item, Result] = _Entry(item)
        with self._waiting_lock:
            self._waiting.append(entry)
        if not self._turn.acquire(timeout=remaining(TIMEOUT)):
            self._give_up(entry)
        try:
            if not entry.done:
                self._write_waiting()
        finally:
            self._turn.release()
        if entry.error is not None:
            raise entry.error
        return entry.result

    def _give_up(self, entry: _Entry[Item, Result]) -> None:
        with self._waiting_lock:
            if entry in self._waiting:
                self._waiting.remove(entry)
        raise TimeoutError("other writers took too long")

    def _write_waiting(self) -> None:
        batch: list[_Entry[Item, Result]] = []

        def take() -> list[Item]:
            with self._waiting_lock:
                batch.extend(self._waiting)
                self._waiting = []
            return [entry.item for entry in batch]

        try:
            results = self._write(take)
            for entry, result in zip(batch, results, strict=True):
                entry.result = result
        except BaseException as error:
            take()
            for entry in batch:
                entry.error = error
            raise
        finally:
            for entry in batch:
                entry.done = True
