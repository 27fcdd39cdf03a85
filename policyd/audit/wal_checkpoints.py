"""Copy SQLite's write-ahead log into the database file while decisions are made.

In: the path of a database, and each commit to it. Out: nothing. SQLite copies the log within a
commit when it is long, and that commit waits for the disk many times. A thread beside the writers
copies it before that. If a checkpoint fails, the next one copies the log. Sources: SQLite,
"Write-Ahead Logging", section 3.2; "PRAGMA wal_checkpoint"; "How To Corrupt An SQLite Database
File", section 1.4.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

import structlog

from policyd.errors import AuditError

COMMITS: Final = 128
"""Commits of one process between two checkpoints: some 3,000 pages, more with many violations."""
MOST_PAGES: Final = 32_000
"""Pages of the write-ahead log at which a commit makes a checkpoint itself: 128 MB."""

log = structlog.get_logger("policyd.audit")


class WalCheckpoints:
    """The checkpoints of one database by one process. Threads may share it."""

    def __init__(self, file: str, check: Callable[[], None]) -> None:
        """`check` raises AuditError if the path names another file by now, such as a backup.

        SQLite would copy the log of the old file into it.
        """
        self._url = f"file:{quote(os.fsencode(file))}?mode=rw"
        self._check = check
        self._commits = 0
        self._running = threading.Lock()

    def committed(self) -> None:
        """Count a commit. After COMMITS of them, begin a checkpoint unless one is running."""
        self._commits += 1
        if self._commits < COMMITS or not self._running.acquire(blocking=False):
            return
        self._commits = 0
        try:
            threading.Thread(target=self._run, name="checkpoint", daemon=True).start()
        except RuntimeError:  # there are too many threads
            self._running.release()

    def close(self) -> None:
        """Wait for the checkpoint that is running."""
        with self._running:
            pass

    def _run(self) -> None:
        try:
            self._check()
            with contextlib.closing(sqlite3.connect(self._url, uri=True)) as connection:
                # SQLite restarts the log when all of it is copied. The second checkpoint copies
                # what was committed during the first.
                for _ in range(2):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        except (AuditError, OSError, sqlite3.Error) as error:
            log.warning("write-ahead log not copied", reason=str(error))
        finally:
            self._running.release()
