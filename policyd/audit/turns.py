"""Take turns among all threads and processes that share the database of an audit log.

In: a database, and a name for what only one of them may do at a time. Out: a context in which the
others wait. Errors: AuditError. A process that ends gives its turn back. With SQLite, the processes
of one host wait for locks on files beside the database; with PostgreSQL, those of all hosts wait
for an advisory lock. Source: PostgreSQL, "Explicit Locking", 13.3.5.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from sqlalchemy import text

from policyd.audit.database import Database
from policyd.audit.file_lock import file_lock
from policyd.errors import AuditError

SECONDS: Final = 90.0
"""Timeout of waiting for a turn. It exceeds the timeouts of the forge requests in one turn."""
FILES: Final = 16
"""Files beside a SQLite database. Names that share one wait for each other."""
_KIND: Final = 1_886_350_436
"""The first key of the advisory locks, an arbitrary constant. The second is of the name."""


@contextmanager
def turn(database: Database, name: str, seconds: float = SECONDS) -> Iterator[None]:
    """Wait for at most `seconds` until no other thread or process has the turn `name`; take it."""
    number = zlib.crc32(name.encode())
    with ExitStack() as held:
        if database.file:
            try:
                lock = file_lock(f"{database.file}.turn-{number % FILES}", seconds)
                held.enter_context(lock)
            except OSError as error:
                raise AuditError(f"cannot take turns with other processes: {error}") from error
        else:
            connection = held.enter_context(database.reading())
            connection.detach()  # the pool is for those who do not wait
            limit = text("SELECT set_config('lock_timeout', :milliseconds, true)")
            connection.execute(limit, {"milliseconds": str(int(seconds * 1000))})
            keys = {"kind": _KIND, "number": number - 2**31}
            connection.execute(text("SELECT pg_advisory_xact_lock(:kind, :number)"), keys)
        try:
            yield
        except BaseException:
            held.close()  # what fails in the turn is no error of the database
            raise
