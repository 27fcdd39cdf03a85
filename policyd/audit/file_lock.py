"""A lock between processes on a file beside the database.

Without it two processes that write wait for each other inside SQLite, which sleeps up to 100 ms
between tries.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

TIMEOUT: Final = 10.0
"""Seconds to wait for another process: it holds the lock for one commit, some milliseconds."""
_PAUSE: Final = 0.0005


@contextmanager
def file_lock(path: str) -> Iterator[None]:
    """Hold the lock of `path`, which is made when it is not there.

    Raises OSError when it cannot be opened, TimeoutError when another process does not let go.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _acquire(descriptor, path)
        try:
            yield
        finally:
            # A process forked meanwhile shares the lock, so closing alone would not release it.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _acquire(descriptor: int, path: str) -> None:
    deadline = time.monotonic() + TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{path} was locked by another process all the time") from None
            time.sleep(_PAUSE)
