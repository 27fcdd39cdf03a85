"""Back up the audit log, also while it is written, and restore it.

In: the database of a log, the path of a file or the URL of a server. Out: a copy of one state of
the log. A backup is an SQLite file that its owner alone can read, whatever database the log is on,
and is restored to either. Sources: SQLite, "Online Backup API"; PostgreSQL, "Repeatable Read
Isolation Level".
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, insert, select

from policyd.audit.chain import GENESIS
from policyd.audit.database import Database, open_database
from policyd.audit.rows import stream
from policyd.audit.tables import events, heads, metadata
from policyd.audit.verify import verify
from policyd.errors import AuditError

_ROWS_AT_ONCE: Final = 500


def back_up(database: Database, path: str) -> tuple[int, str]:
    """Write one state of the log to the new file `path`.

    Returns the number of its events and the hash of the last one. The tables on a server must be
    of this version. Raises AuditError, also if the file exists.
    """
    _create(path)
    try:
        with database.reading() as connection:
            if database.dialect == "sqlite":
                found = _copy_file(connection, path)
            else:
                found = _copy_rows_to_file(connection, path)
        _sync(path)
    except BaseException as error:
        for name in (path, f"{path}-wal", f"{path}-shm", f"{path}.lock"):
            if os.path.exists(name):
                os.unlink(name)
        if isinstance(error, sqlite3.Error | OSError):
            raise AuditError(f"{path}: the backup cannot be written: {error}") from error
        raise
    return found


def restore(backup: Database, path: str) -> tuple[int, str]:
    """Write the log in `backup` to the new file `path`, if it is intact.

    Returns the number of its events and the hash of the last one. Raises AuditError, also if there
    is a log at `path`.
    """
    _check_intact(backup)
    for name in (path, f"{path}-wal"):
        if os.path.exists(name):
            raise AuditError(
                f"{name} exists: stop policyd and move the old log away, with its -wal and -shm "
                "files, before a backup is restored"
            )
    return back_up(backup, path)


def restore_to_server(backup: Database, url: str) -> tuple[int, str]:
    """Write the log in `backup` to the empty database at `url`, postgresql://…, if it is intact.

    Returns the number of its events and the hash of the last one. Raises AuditError, also if there
    are events in the database: then nothing is changed.
    """
    _check_intact(backup)
    server = open_database(url, create=False)
    try:
        server.migrate()
        with tempfile.TemporaryDirectory() as folder, server.writing() as target:
            target.execute(select(heads).with_for_update())
            if target.execute(select(func.count()).select_from(events)).scalar():
                raise AuditError(
                    f"{server.name} has events: create an empty database for the backup"
                )
            # A backup may be of an earlier version, so a copy of it is upgraded.
            back_up(backup, f"{folder}/copy.db")
            copy = open_database(f"{folder}/copy.db", create=False)
            try:
                copy.migrate()
                with copy.reading() as source:
                    return _copy_rows(source, target)
            finally:
                copy.close()
    finally:
        server.close()


def _check_intact(backup: Database) -> None:
    with backup.reading() as connection:
        report = verify(connection)
    if not report.ok:
        raise AuditError(
            f"{backup.name} is not restored: {report.problems[0]}; see `policyd audit verify`"
        )


def _copy_file(connection: Connection, path: str) -> tuple[int, str]:
    source: Any = connection.connection.driver_connection
    connection.rollback()
    with closing(sqlite3.connect(path)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        row = copy.execute(str(select(heads.c.sequence, heads.c.hash))).fetchone()
    return (int(row[0]), str(row[1])) if row else (0, GENESIS)


def _copy_rows_to_file(connection: Connection, path: str) -> tuple[int, str]:
    copy = open_database(path, create=False)
    try:
        copy.migrate()
        with copy.writing() as target:
            found = _copy_rows(connection, target)
    finally:
        copy.close()
    with closing(sqlite3.connect(path)) as single:
        single.execute("PRAGMA journal_mode = DELETE")
    os.unlink(f"{path}.lock")
    return found


def _copy_rows(source: Connection, target: Connection) -> tuple[int, str]:
    """Copy all rows of all tables of this version; return the last event and its hash."""
    for table in metadata.sorted_tables:
        target.execute(delete(table))
        order = [events.c.sequence] if table is events else list(table.primary_key)
        batch: list[dict[str, Any]] = []
        for row in stream(source, select(table).order_by(*order)):
            batch.append(dict(row._mapping))
            if len(batch) == _ROWS_AT_ONCE:
                target.execute(insert(table), batch)
                batch = []
        if batch:
            target.execute(insert(table), batch)
        _continue_numbers(target, table)
    head = target.execute(select(heads.c.sequence, heads.c.hash)).first()
    return (int(head.sequence), str(head.hash)) if head else (0, GENESIS)


def _continue_numbers(target: Connection, table: Table) -> None:
    """Have a server number the rows of `table` after those that were copied."""
    column = table.autoincrement_column
    if target.dialect.name != "postgresql" or column is None:
        return
    following = func.coalesce(func.max(column), 0) + 1
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    target.execute(select(func.setval(sequence, following, False)))


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
