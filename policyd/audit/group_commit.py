"""Group commit: write items together that threads submit at the same time.

In: items from any thread. Out: the result of each item, once its batch is written. The thread that
gets the lock writes the items of all waiting threads, so one fsync serves them all and no extra
thread is needed.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from policyd.deadline import in_time, remaining

TIMEOUT: Final = 60.0
"""Seconds that an item waits for its turn. A batch takes milliseconds."""

LEAST_TIME: Final = 0.1
"""Seconds that must be left to a thread that writes the items of others with its own."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class OutcomeUnknown(TimeoutError):
    """An item was being written when the time of its thread was over: it may be written or not."""


class _TooLate(Exception):
    """The time of the thread that has the turn ends too soon for a batch."""


class _Entry(Generic[Item, Result]):
    def __init__(self, item: Item) -> None:
        self.item = item
        self.done = False
        self.result: Result
        self.error: BaseException | None = None


class GroupCommit(Generic[Item, Result]):
    """Calls `write` with a function that returns all waiting items, the batch.

    `write` calls it once, when it can write at once: the longer it waits for others, the larger is
    the batch. It returns the results of the items in their order. The batch is empty if the threads
    of all items gave up in the meantime.
    """

    def __init__(self, write: Callable[[Callable[[], list[Item]]], Sequence[Result]]) -> None:
        self._write = write
        self._turn = threading.Lock()
        self._waiting: list[_Entry[Item, Result]] = []
        self._waiting_lock = threading.Lock()

    def submit(self, item: Item) -> Result:
        """Return the result of `item` once it is written.

        Raises the exception of `write` for its batch. By the deadline of the review, it raises
        TimeoutError if the item was not and will not be written, and OutcomeUnknown if its batch is
        being written.
        """
        entry: _Entry[Item, Result] = _Entry(item)
        with self._waiting_lock:
            self._waiting.append(entry)
        if not self._turn.acquire(timeout=remaining(TIMEOUT)):
            self._give_up(entry)
        elif entry.done:
            self._turn.release()
        else:
            self._write_in_time(entry)
        if entry.error is not None:
            raise entry.error
        return entry.result

    def _write_in_time(self, entry: _Entry[Item, Result]) -> None:
        """Write what waits, `entry` included, and let the next thread write after that."""
        with contextlib.suppress(TimeoutError):
            in_time(self._write_and_release)
        if not entry.done:
            self._give_up(entry)

    def _give_up(self, entry: _Entry[Item, Result]) -> None:
        """Raise TimeoutError or OutcomeUnknown for `entry` unless it is done now."""
        with self._waiting_lock:
            if entry in self._waiting:
                self._waiting.remove(entry)
                raise TimeoutError("it was locked by other writers for too long")
        if not entry.done:
            raise OutcomeUnknown("it did not answer in time")

    def _write_and_release(self) -> None:
        try:
            self._write_waiting()
        finally:
            self._turn.release()

    def _write_waiting(self) -> None:
        batch: list[_Entry[Item, Result]] = []

        def take() -> list[Item]:
            with self._waiting_lock:
                batch.extend(self._waiting)
                self._waiting = []
            return [entry.item for entry in batch]

        def take_in_time() -> list[Item]:
            # The end of this thread's time ends its connection, and would fail those of others.
            if remaining(TIMEOUT) < LEAST_TIME:
                raise _TooLate
            return take()

        try:
            results = self._write(take_in_time)
            for entry, result in zip(batch, results, strict=True):
                entry.result = result
        except _TooLate:
            return  # the others write their items themselves
        except BaseException as error:
            if remaining(TIMEOUT) >= LEAST_TIME:
                take()
            elif not batch:
                return  # as above
            for entry in batch:
                entry.error = error
            raise
        finally:
            for entry in batch:
                entry.done = True
