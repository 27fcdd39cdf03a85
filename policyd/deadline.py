"""The moment by which a review must have ended, wherever its time is spent.

In: a number of seconds. Out: the time that is left, for every wait of the current thread, and the
end of connections at the deadline, whatever the other side sends. A wait outside of a review is
limited by its own time only. Errors: ReviewTimeout.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar, copy_context
from types import TracebackType
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from policyd.errors import ReviewTimeout

if TYPE_CHECKING:
    import socket

_BOTH_DIRECTIONS: Final = 2
"""SHUT_RDWR of POSIX shutdown()."""
RECORDING_SECONDS: Final = 0.7
"""How long a decision that was made in time may still take to be recorded."""


_AT_ONCE: Final = 4
"""Calls of `in_time` that run at the same time, those included that nobody waits for any more."""

Result = TypeVar("Result")


class HasDescriptor(Protocol):
    """A connection of a driver."""

    def fileno(self) -> int:
        """Return the descriptor of its socket."""


class Deadline:
    """A moment that all waits for one purpose share, `seconds` from now.

    It is a context: at its end, and at the deadline, connections that are still open are ended.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer: threading.Timer | None = None
        self._is_over = False

    def __enter__(self) -> Deadline:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._end_connections()

    def remaining(self) -> float:
        """Return how many seconds are left, 0 if none are."""
        return 0.0 if self._is_over else max(self._end - time.monotonic(), 0.0)

    def watch(self, connection: HasDescriptor) -> None:
        """End `connection` at the deadline."""
        import socket  # here, because a command without connections starts faster

        with self._lock:
            # A duplicate, because TLS takes the socket itself over.
            self._sockets.append(socket.socket(fileno=os.dup(connection.fileno())))
            if self._timer is None:
                self._timer = threading.Timer(self.remaining(), self._end_connections)
                self._timer.daemon = True
                self._timer.start()
            is_over = self._is_over
        if is_over:
            self._end_connections()

    def release(self) -> None:
        """Leave the connections as they are: they outlive the purpose."""
        with self._lock:
            released, self._sockets = self._sockets, []
            if self._timer is not None:
                self._timer.cancel()
        for connection in released:
            connection.close()

    def _end_connections(self) -> None:
        with self._lock:
            self._is_over = True
            ended, self._sockets = self._sockets, []
        for connection in ended:
            with connection, contextlib.suppress(OSError):
                connection.shutdown(_BOTH_DIRECTIONS)


_current: ContextVar[Deadline | None] = ContextVar("deadline", default=None)
_is_watched: ContextVar[bool] = ContextVar("is_watched", default=False)


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit the waits of this thread to `seconds` in all, or less if a limit is in force already.

    Raises ReviewTimeout if no time is left.
    """
    with Deadline(remaining(seconds)) as deadline:
        token = _current.set(deadline)
        try:
            check()
            yield
        finally:
            _current.reset(token)


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Let `in_time` call in this thread: another thread answers in its place when it is too late.

    Handing a call over to another thread and back takes longer than most calls.
    """
    token = _is_watched.set(True)
    try:
        yield
    finally:
        _is_watched.reset(token)


@contextlib.contextmanager
def recording() -> Iterator[None]:
    """Give the wait for the record of a decision RECORDING_SECONDS at least."""
    deadline = _current.get()
    if deadline is None or deadline.remaining() >= RECORDING_SECONDS:
        yield
        return
    with Deadline(RECORDING_SECONDS) as longer:
        token = _current.set(longer)
        try:
            yield
        finally:
            _current.reset(token)


@contextlib.contextmanager
def ending(connection: HasDescriptor) -> Iterator[None]:
    """End `connection` if the limit in force is over before the context is."""
    deadline = _current.get()
    if deadline is None:
        yield
        return
    own = Deadline(deadline.remaining())
    own.watch(connection)
    try:
        yield
    finally:
        own.release()


def in_time(call: Callable[[], Result]) -> Result:
    """Return what `call` returns. It runs in another thread if a limit is in force.

    In a thread that is `watched` it runs there, and may take longer than the limit. What cannot be
    interrupted, such as a disk that does not answer, ends at its own time then.
    Raises TimeoutError if it does not end by the limit: its outcome is not known.
    """
    deadline = _current.get()
    if deadline is None or _is_watched.get():
        return call()
    threads = _threads.get(os.getpid())
    if threads is None:
        threads = _threads.setdefault(os.getpid(), _Threads())
    return threads.run(call, deadline.remaining())


class _Thread:
    """A thread that runs one call after the other."""

    def __init__(self) -> None:
        self._is_wanted = threading.Lock()
        self._is_wanted.acquire()
        self._call: Callable[[], None] = _nothing
        threading.Thread(target=self._run, name="policyd-in-time", daemon=True).start()

    def give(self, call: Callable[[], None]) -> None:
        """Run `call`, which raises nothing, as soon as the call before it ends."""
        self._call = call
        self._is_wanted.release()

    def _run(self) -> None:
        while True:
            self._is_wanted.acquire()
            call, self._call = self._call, _nothing
            call()
            del call  # what it holds may end


class _Threads:
    """The threads of `in_time`. A ThreadPoolExecutor takes three times the processor time."""

    def __init__(self) -> None:
        self._places = threading.Semaphore(_AT_ONCE)
        self._idle: list[_Thread] = []

    def run(self, call: Callable[[], Result], seconds: float) -> Result:
        """Return what `call` returns in another thread. Raises TimeoutError after `seconds`."""
        until = time.monotonic() + seconds
        if not self._places.acquire(timeout=seconds):
            raise TimeoutError
        try:
            thread = self._free()
        except BaseException:
            self._places.release()
            raise
        context, is_over = copy_context(), threading.Lock()
        results: list[Result] = []
        errors: list[BaseException] = []
        is_over.acquire()

        def work() -> None:
            try:
                results.append(context.run(call))
            except BaseException as error:  # noqa: BLE001 (the waiting thread raises it)
                errors.append(error)
            finally:
                self._idle.append(thread)
                self._places.release()
                is_over.release()

        thread.give(work)
        if not is_over.acquire(timeout=max(until - time.monotonic(), 0.0)):
            raise TimeoutError
        if errors:
            raise errors.pop()
        return results.pop()

    def _free(self) -> _Thread:
        try:
            return self._idle.pop()
        except IndexError:
            return _Thread()


def _nothing() -> None:
    """Do nothing."""


_threads: Final[dict[int, _Threads]] = {}
"""The threads of `in_time`, by process: a fork does not have those of its parent."""


def remaining(seconds: float) -> float:
    """Return the seconds that a wait may take which is limited to `seconds` by itself."""
    deadline = _current.get()
    return seconds if deadline is None else min(seconds, deadline.remaining())


def is_limited() -> bool:
    """Return whether a limit is in force."""
    return _current.get() is not None


def check() -> None:
    """Raise ReviewTimeout if no time is left."""
    deadline = _current.get()
    if deadline is not None and not deadline.remaining():
        raise ReviewTimeout("the review took too long; nothing was decided: try again later")
