"""A lock between processes, on a file next to the database.

Without it, a process that waits for another writer waits inside SQLite, which sleeps up to 100 ms
between attempts.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from policyd.deadline import remaining

TIMEOUT: Final = 10.0
"""Seconds to wait for another process, which holds the lock for one commit of milliseconds."""
_LEAST_PAUSE: Final = 0.0005
"""Seconds between the first attempts."""
_PAUSE_SHARE: Final = 0.125
"""Later pauses, as a share of the time waited so far: each attempt takes processor time."""


@contextmanager
def file_lock(path: str, seconds: float | None = None) -> Iterator[None]:
    """Hold the lock on the file `path`, which is created if it does not exist.

    Raises OSError if it cannot be opened, TimeoutError if another thread or process does not
    release it in `seconds`, by default TIMEOUT, or by the deadline of the review.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path, seconds)
        try:
            yield
        finally:
            # A process forked meanwhile shares the lock, so closing alone would not release it.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: str, seconds: float | None) -> None:
    start = time.monotonic()
    until = start + remaining(TIMEOUT if seconds is None else seconds)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            now = time.monotonic()
            if now > until:
                raise TimeoutError(f"{path} is locked by another process") from None
            time.sleep(max(_LEAST_PAUSE, (now - start) * _PAUSE_SHARE))
