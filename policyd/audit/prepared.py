"""Statements that are compiled once, for the transaction that every decision waits for.

In: a statement of SQLAlchemy Core, a connection, parameters. Out: rows. SQLAlchemy spends more
processor time on a statement than SQLite does. Therefore the driver of SQLite receives the compiled
text directly. A statement for a server goes through SQLAlchemy, which notices lost connections; the
network takes longer than both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Select, TextClause, UpdateBase
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError

Parameters = Mapping[str, Any]


class Prepared:
    """A statement. Threads may share it."""

    def __init__(self, statement: Select[Any] | UpdateBase | TextClause) -> None:
        """`statement` has a fixed text: no list that grows with its parameters."""
        self._statement = statement

    def run(self, connection: Connection, rows: Sequence[Parameters]) -> None:
        """Run the statement once with each of `rows`. Raises SQLAlchemyError."""
        driver = driver_of(connection)
        if driver is None:
            connection.execute(self._statement, rows)
            return
        text, names, fixed = self._compiled
        given = [{**fixed, **row} for row in rows] if fixed else rows
        values = [[row[name] for name in names] for row in given]
        try:
            driver.executemany(text, values)
        except sqlite3.Error as error:
            raise DBAPIError(text, None, error) from error

    def first(self, connection: Connection, parameters: Parameters) -> Sequence[Any] | None:
        """Return the first row of the result, None if there is none. Raises SQLAlchemyError."""
        driver = driver_of(connection)
        if driver is None:
            return connection.execute(self._statement, parameters).first()
        return self.first_of(driver, parameters)

    def first_of(self, driver: sqlite3.Connection, parameters: Parameters) -> Sequence[Any] | None:
        """Return the first row of the result on a connection of SQLite's driver.

        Raises SQLAlchemyError.
        """
        row: Sequence[Any] | None = self._fetched(driver, parameters, sqlite3.Cursor.fetchone)
        return row

    def all(self, connection: Connection, parameters: Parameters) -> Sequence[Sequence[Any]]:
        """Return the rows of the result. Raises SQLAlchemyError.

        With SQLite, values are as they are stored.
        """
        driver = driver_of(connection)
        if driver is None:
            return connection.execute(self._statement, parameters).all()
        rows: list[Sequence[Any]] = self._fetched(driver, parameters, sqlite3.Cursor.fetchall)
        return rows

    def _fetched(
        self,
        driver: sqlite3.Connection,
        parameters: Parameters,
        fetch: Callable[[sqlite3.Cursor], Any],
    ) -> Any:
        text, names, fixed = self._compiled
        given = {**fixed, **parameters}
        try:
            return fetch(driver.execute(text, [given[name] for name in names]))
        except sqlite3.Error as error:
            raise DBAPIError(text, None, error) from error

    @cached_property
    def _compiled(self) -> tuple[str, Sequence[str], dict[str, Any]]:
        """The text for SQLite, the names of its parameters in order, and those that are fixed."""
        compiled: Any = self._statement.compile(dialect=sqlite.dialect())
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        return compiled.string, compiled.positiontup, fixed


def driver_of(connection: Connection) -> sqlite3.Connection | None:
    """Return the connection of SQLite's driver below `connection`, None for another database."""
    driver = connection.connection.dbapi_connection
    return driver if isinstance(driver, sqlite3.Connection) else None


@contextmanager
def savepoint(connection: Connection) -> Iterator[None]:
    """Undo what an exception leaves half done in the transaction of `connection`.

    The transaction goes on. Raises SQLAlchemyError if it cannot.
    """
    driver = driver_of(connection)
    if driver is None:
        with connection.begin_nested():
            yield
        return
    command(driver, "SAVEPOINT part")
    try:
        yield
    except BaseException:
        command(driver, "ROLLBACK TO part")
        command(driver, "RELEASE part")
        raise
    command(driver, "RELEASE part")


def command(connection: sqlite3.Connection, text: str) -> None:
    """Run a command of SQLite without parameters. Raises SQLAlchemyError."""
    try:
        connection.execute(text)
    except sqlite3.Error as error:
        raise DBAPIError(text, None, error) from error
