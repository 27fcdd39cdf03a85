"""Back up the audit log on SQLite, also while it is written, and restore it.

In: the database of a log, the path of a file. Out: a copy of the log in one file, which its owner
alone can read. PostgreSQL has its own tools. Source: SQLite, "Online Backup API".
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import select

from policyd.audit.chain import GENESIS
from policyd.audit.database import Database
from policyd.audit.tables import heads
from policyd.audit.verify import verify
from policyd.errors import AuditError


def back_up(database: Database, path: str) -> tuple[int, str]:
    """Write one state of the log to the new file `path`.

    Returns the number of its events and the hash of the last one. Raises AuditError, also if the
    file exists, or if the log is on PostgreSQL.
    """
    if database.dialect != "sqlite":
        raise AuditError(
            f"{database.name} is on PostgreSQL: back it up with pg_dump, which copies one state, "
            "and restore it with pg_restore"
        )
    _create(path)
    try:
        with database.reading() as connection, closing(sqlite3.connect(path)) as copy:
            source: Any = connection.connection.driver_connection
            connection.rollback()
            source.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")
            row = copy.execute(str(select(heads.c.sequence, heads.c.hash))).fetchone()
        _sync(path)
    except BaseException as error:
        os.unlink(path)
        if isinstance(error, sqlite3.Error | OSError):
            raise AuditError(f"{path}: the backup cannot be written: {error}") from error
        raise
    return (int(row[0]), str(row[1])) if row else (0, GENESIS)


def restore(backup: Database, path: str) -> tuple[int, str]:
    """Write the log in `backup` to the new file `path`, if it is intact.

    Returns the number of its events and the hash of the last one. Raises AuditError, also if there
    is a log at `path`.
    """
    with backup.reading() as connection:
        report = verify(connection)
    if not report.ok:
        raise AuditError(
            f"{backup.name} is not restored: {report.problems[0]}; see `policyd audit verify`"
        )
    for name in (path, f"{path}-wal"):
        if os.path.exists(name):
            raise AuditError(
                f"{name} exists: stop policyd and move the old log away, with its -wal and -shm "
                "files, before a backup is restored"
            )
    return back_up(backup, path)


def _create(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError as error:
        raise AuditError(f"{path} exists: name a new file") from error
    except OSError as error:
        raise AuditError(f"{path}: cannot create the file: {error.strerror}") from error


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
