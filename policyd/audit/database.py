"""The database of the audit log, SQLite or PostgreSQL: open, migrate and lock it.

In: a path or a URL. Out: connections for reading and for writing. Every failure is an AuditError
with the name of the database, without its password, and the reason.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from sqlalchemy import (
    URL,
    Connection,
    PoolProxiedConnection,
    inspect,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from policyd import deadline
from policyd.audit.connecting import (
    busy_milliseconds,
    server_engine,
    set_busy_timeout,
    sqlite_engine,
)
from policyd.audit.file_lock import file_lock
from policyd.audit.prepared import Parameters, Prepared
from policyd.audit.tables import KNOWN_REVISIONS, REVISION
from policyd.audit.wal_checkpoints import WalCheckpoints
from policyd.errors import AuditError

MIGRATION_LOCK: Final = 8093
"""The key of PostgreSQL's advisory lock for migrations: an arbitrary constant."""


LEAST_SPACE: Final = 1 << 16
"""Bytes that must be free on the disk of a log that takes decisions; most take a tenth of it."""


class _Reader(NamedTuple):
    """A connection to SQLite for single statements, and for how long it waits for a lock."""

    connection: PoolProxiedConnection
    waits: int | None


class Database:
    """The audit database in one process. A forked process must not use its connections."""

    def __init__(self, url: URL, name: str, *, read_only: bool = False) -> None:
        self.name = name
        self._file = url.database or "" if url.get_backend_name() == "sqlite" else ""
        self._identity = _identity(self._file)
        self._engine = sqlite_engine(url, read_only) if self._file else server_engine(url)
        # A transaction of SQLite is always a snapshot.
        self._one_state = {} if self._file else {"isolation_level": "REPEATABLE READ"}
        self._readers: list[_Reader] = []
        self._writer: Connection | None = None
        self._checkpoints = WalCheckpoints(self._file, self._check_identity) if self._file else None

    @property
    def file(self) -> str:
        """The path of a SQLite database, "" for one of a server."""
        return self._file

    @property
    def dialect(self) -> str:
        """The kind of database: sqlite or postgresql."""
        return self._engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection that reads a snapshot of the log. Raises AuditError."""
        with self._failures("read"), self._connected() as connection:
            if self._one_state:
                connection = connection.execution_options(**self._one_state)
            yield connection

    def first(self, statement: Prepared, parameters: Parameters) -> Sequence[Any] | None:
        """Return the first row of `statement` alone, None if there is none. Raises AuditError.

        It is for what every review asks: on SQLite, the pool of SQLAlchemy and a transaction would
        take ten times the time of the statement.
        """
        if not self._file:
            with self.reading() as connection:
                return statement.first(connection, parameters)
        with self._failures("read"):
            try:
                reader, waits = self._readers.pop()
            except IndexError:
                self._check_identity()  # connecting would create a file that is missing
                reader, waits = self._engine.raw_connection(), None
                reader.detach()
            driver: Any = reader.dbapi_connection
            try:
                milliseconds = busy_milliseconds()
                if milliseconds != waits:
                    set_busy_timeout(driver, milliseconds)
                row = statement.first_of(driver, parameters)
            except BaseException:
                reader.close()
                raise
            self._readers.append(_Reader(reader, milliseconds))
            return row

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction that excludes other writers. Raises AuditError.

        Without an exception, the transaction is on disk afterwards; otherwise it is rolled back,
        unless the connection ended while it was committed: the error says that.
        """
        is_committing = False
        with self._failures("written"), self._lock(), self._connected_writer() as writer:
            self._check_identity()
            try:
                with writer.begin():
                    yield writer
                    self._check_identity()
                    is_committing = True
            except DBAPIError as error:
                if is_committing and error.connection_invalidated:
                    raise unknown_outcome(self.name) from error
                raise
        if self._checkpoints:
            self._checkpoints.committed()

    def probe(self, connection: Connection) -> None:
        """Make the transaction of `connection` write as much as a decision, and nothing that stays.

        Raises AuditError if the disk has no space for it. SQLite writes only pages that change:
        with secure_delete, it overwrites those of a deleted table.
        """
        if not self._file:
            connection.execute(text("SELECT txid_current()"))
            return
        for statement in (
            "PRAGMA secure_delete = ON",
            "CREATE TABLE policyd_probe (content BLOB)",
            "INSERT INTO policyd_probe VALUES (randomblob(65536))",
            "DROP TABLE policyd_probe",
        ):
            connection.exec_driver_sql(statement)
        # The write-ahead log may have space left over, but not the disk.
        with tempfile.TemporaryFile(dir=os.path.dirname(self._file)) as file:
            os.posix_fallocate(file.fileno(), 0, LEAST_SPACE)

    def migrate(self) -> None:
        """Upgrade the tables to `tables.REVISION`. Raises AuditError, also for a newer database."""
        if self._revision() == REVISION:
            return
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                lock = text("SELECT pg_advisory_xact_lock(:lock)")
                connection.execute(lock, {"lock": MIGRATION_LOCK})
            _upgrade(connection, self.name)

    def check_revision(self) -> None:
        """Raise AuditError unless this version can read the tables, without migrating them."""
        found = self._revision()
        if not found:
            raise AuditError(f"{self.name} is not an audit log")
        if found not in KNOWN_REVISIONS:
            raise AuditError(
                f"the audit log {self.name} was written by another version of policyd: its "
                f"revision is {found!r}"
            )

    def close(self) -> None:
        """Close every connection."""
        while self._readers:
            self._readers.pop().connection.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        if self._checkpoints:
            self._checkpoints.close()
        self._engine.dispose()

    def _revision(self) -> str:
        with self.reading() as connection:
            if not inspect(connection).has_table("alembic_version"):
                return ""
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return str(found or "")

    def _check_identity(self) -> None:
        """Raise AuditError if the path of an SQLite file names another file than at the start."""
        if self._file and _identity(self._file) != self._identity:
            raise AuditError(
                f"the audit log {self.name} was deleted or replaced while it was open: "
                "restore the file and restart policyd"
            )

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        """Yield a connection. One to a server is ended at the deadline of the review."""
        with self._engine.connect() as connection:
            if self._file or not deadline.is_limited():
                yield connection
                return
            driver: Any = connection.connection.driver_connection
            try:
                with deadline.ending(driver):
                    yield connection
            finally:
                # The deadline may have ended the connection after its last statement.
                if not deadline.remaining(1.0):
                    connection.invalidate()

    @contextmanager
    def _connected_writer(self) -> Iterator[Connection]:
        """Yield a connection for writing. That to SQLite is kept: the lock is held meanwhile."""
        if not self._file:
            with self._connected() as connection:
                yield connection.execution_options(policyd_write=True)
            return
        writer, self._writer = self._writer, None
        if writer is None:
            self._check_identity()
            writer = self._engine.connect().execution_options(policyd_write=True)
        try:
            yield writer
        except BaseException:
            writer.close()
            raise
        self._writer = writer

    def _lock(self) -> Any:
        return file_lock(f"{self._file}.lock") if self._file else nullcontext()

    @contextmanager
    def _failures(self, what: str) -> Iterator[None]:
        try:
            yield
        except (SQLAlchemyError, OSError) as error:
            raise AuditError(
                f"the audit log {self.name} cannot be {what}: {_reason(error)}"
            ) from error


def unknown_outcome(name: str) -> AuditError:
    """Return the error of a commit in the log `name` whose end was not seen."""
    return AuditError(
        f"the audit log {name} did not answer in time, so it is not known whether the decision was "
        "recorded: ask again with the same uid"
    )


def open_database(url: str, *, create: bool) -> Database:
    """Return the database at `url`: a path, or sqlite:///… or postgresql://….

    With `create`, a missing SQLite file is created, readable by its owner only. Raises AuditError.
    """
    parsed = _parse(url)
    name = _name(parsed)
    if parsed.get_backend_name() == "sqlite":
        _check_file(name, create=create)
    return _opened(parsed, name, read_only=False)


def open_for_reading(url: str) -> Database:
    """Return the existing database at `url` for reading, as it is: nothing is created or migrated.

    A SQLite file that cannot be written, such as a copy that is kept as evidence, is read without
    locks. Raises AuditError, also if a newer version wrote the database.
    """
    parsed = _parse(url)
    name = _name(parsed)
    if parsed.get_backend_name() == "sqlite":
        if not os.path.isfile(name):
            raise AuditError(f"there is no audit log at {name}")
        if not (os.access(name, os.W_OK) and os.access(os.path.dirname(name), os.W_OK)):
            parsed = _unwritable(name)
    database = _opened(parsed, name, read_only=True)
    try:
        database.check_revision()
    except AuditError:
        database.close()
        raise
    return database


def _opened(url: URL, name: str, *, read_only: bool) -> Database:
    try:
        return Database(url, name, read_only=read_only)
    except (NoSuchModuleError, ImportError) as error:
        raise AuditError(
            f"the driver of the audit log {name} is missing: {error}; pip install "
            "'policyd[postgres]' installs the one of PostgreSQL"
        ) from error


def _name(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return url.set(drivername="postgresql", query={}).render_as_string(hide_password=True)


def _unwritable(path: str) -> URL:
    """Return the URL of a SQLite file that is only read.

    In WAL mode SQLite needs files beside the database, unless it is told that nobody writes it. A
    write-ahead log beside the file holds events, so it is not ignored. Source: SQLite, "Write-Ahead
    Logging", section 5.
    """
    query = {"uri": "true", "mode": "ro"}
    if not os.path.exists(f"{path}-wal"):
        query["immutable"] = "1"
    return URL.create("sqlite", database=f"file:{quote(path)}", query=query)


def _parse(url: str) -> URL:
    if "://" not in url:
        return URL.create("sqlite", database=os.path.abspath(url))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise AuditError("the URL of the audit log is malformed") from error
    if parsed.drivername in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        raise AuditError(
            f"the URL of the audit log starts with {parsed.drivername!r}; supported are sqlite and "
            "postgresql"
        )
    if not parsed.database or parsed.database == ":memory:":
        raise AuditError("the URL of the audit log has no file; use sqlite:///path/of/audit.db")
    return parsed.set(database=os.path.abspath(parsed.database))


def _check_file(path: str, *, create: bool) -> None:
    """Create the file if it does not exist. Raises AuditError for one that cannot be used.

    A file that exists is not opened: closing it again would release the locks of all connections
    of this process to it. Then another process could remove the write-ahead log, and what is
    written there later would be lost. Source: SQLite, "How To Corrupt An SQLite Database File",
    section 2.2.
    """
    if not create and not os.path.exists(path):
        raise AuditError(f"there is no audit log at {path}")
    try:
        if not os.path.exists(os.path.dirname(path)):
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        if not os.path.exists(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        elif os.path.isdir(path):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        elif not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise AuditError(f"the audit log {path} cannot be opened: {_reason(error)}") from error


def _identity(path: str) -> tuple[int, int] | None:
    """Return device and inode of the file at `path`; None if there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _upgrade(connection: Connection, name: str) -> None:
    # Imported here: Alembic takes 100 ms to import, and an up-to-date database does not need it.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", "policyd.audit:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise AuditError(
            f"the audit log {name} was written by another version of policyd: {error}"
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, DBAPIError):
        return str(error.orig).strip().partition("\n")[0]
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error).partition("\n")[0]
