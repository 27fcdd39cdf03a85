"""Connect to the database of the audit log, within the time of a review.

In: the URL of a database. Out: the engine of SQLAlchemy that makes its connections. Each connection
to SQLite is prepared for the log; a server must answer by the deadline in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event

from policyd.audit.prepared import command
from policyd.audit.visibility import MATCHES, matches_one
from policyd.audit.wal_checkpoints import MOST_PAGES
from policyd.deadline import is_limited, remaining
from policyd.name_resolution import addresses

BUSY_TIMEOUT: Final = 10.0
"""Seconds that SQLite waits for a lock. Only other programs than policyd hold it that long."""
CONNECT_TIMEOUT: Final = 10.0
"""Seconds that connecting to a server may take, and waiting for a free connection."""
POSTGRESQL_PORT: Final = 5432
WRITING: Final = ("journal_mode=WAL", "synchronous=FULL", f"wal_autocheckpoint={MOST_PAGES}")
"""Pragmas of a connection that writes."""


def sqlite_engine(url: URL, read_only: bool) -> Engine:
    """Return what connects to the SQLite file at `url`."""
    settings = ("query_only=ON",) if read_only else WRITING
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT, "isolation_level": None})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        for pragma in (*settings, "trusted_schema=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        connection.create_function(MATCHES, 2, matches_one, deterministic=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("policyd_write")
        driver: Any = connection.connection.driver_connection
        set_busy_timeout(driver, busy_milliseconds())
        command(driver, "BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def set_busy_timeout(driver: Any, milliseconds: int) -> None:
    """Let SQLite wait for a lock for `milliseconds`. Raises SQLAlchemyError."""
    command(driver, f"PRAGMA busy_timeout = {milliseconds}")


def busy_milliseconds() -> int:
    """Return how long SQLite may wait for a lock by the deadline of the review.

    From one second on, it is a whole number of seconds, so that it seldom has to be set anew.
    """
    seconds = remaining(BUSY_TIMEOUT)
    return int(seconds) * 1000 if seconds >= 1 else int(seconds * 1000)


def server_engine(url: URL) -> Engine:
    """Return what connects to the server of PostgreSQL at `url`."""
    engine = create_engine(url, pool_timeout=CONNECT_TIMEOUT)

    @event.listens_for(engine, "do_connect")
    def limit(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
        # The driver counts whole seconds, 2 at least.
        seconds = int(remaining(CONNECT_TIMEOUT))
        if seconds < 1:
            raise TimeoutError("no time is left to connect")
        parameters.setdefault("connect_timeout", seconds)
        if is_limited():
            parameters.update(_resolved(parameters))

    return engine


def _resolved(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return `parameters` of libpq with the addresses of hosts, which it would wait for.

    Raises TimeoutError, and socket.gaierror. Source: PostgreSQL, "Parameter Key Words".
    """
    hosts = str(parameters.get("host") or "").split(",")
    ports = str(parameters.get("port") or POSTGRESQL_PORT).split(",")
    if "hostaddr" in parameters or not all(hosts) or any(host[0] in "/@" for host in hosts):
        return {}
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    places = [
        (host, address, port)
        for host, port in zip(hosts, ports, strict=True)
        for address in addresses(host, int(port), remaining(CONNECT_TIMEOUT))
    ]
    return {
        name: ",".join(values)
        for name, values in zip(
            ("host", "hostaddr", "port"), zip(*places, strict=True), strict=True
        )
    }
