"""Group commit: write items together that threads submit at the same time.

In: items from any thread. Out: the result of each item, once its batch is written. The thread that
gets the lock writes the items of all waiting threads, so one fsync serves them all and no extra
thread is needed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Entry(Generic[Item, Result]):
    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.result: Result
        self.error: BaseException | None = None


class GroupCommit(Generic[Item, Result]):
    """Calls `write` with all waiting items, which must return their results in the same order."""

    def __init__(self, write: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._write = write
        self._turn = threading.Lock()
        self._waiting: list[_Entry[Item, Result]] = []
        self._waiting_lock = threading.Lock()

    def submit(self, item: Item) -> Result:
        """Return the result of `item` once it is written.

        Raises the exception of `write` for its batch.
        """
        entry: _Entry[Item, Result] = _Entry(item)
        with self._waiting_lock:
            self._waiting.append(entry)
        with self._turn:
            if not entry.done:
                self._write_waiting()
        if entry.error is not None:
            raise entry.error
        return entry.result

    def _write_waiting(self) -> None:
        with self._waiting_lock:
            batch, self._waiting = self._waiting, []
        try:
            results = self._write([entry.item for entry in batch])
            for entry, result in zip(batch, results, strict=True):
                entry.result = result
        except BaseException as error:
            for entry in batch:
                entry.error = error
            raise
        finally:
            for entry in batch:
                entry.done = True
