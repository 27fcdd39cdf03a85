"""End HTTP requests at a deadline, whatever the other side sends.

The time limits of sockets count from one byte to the next: a server that sends a byte now and then
would be read forever.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3 import Retry
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from policyd.deadline import Deadline
from policyd.name_resolution import addresses

_SCHEMES: Final = ("http://", "https://")
_AT_ONCE: Final = 0.001


def session_until(deadline: Deadline) -> requests.Session:
    """Return a session whose connections end at `deadline`."""
    session = requests.Session()
    end_connections(session, lambda: deadline)
    return session


def unreachable(host: str, error: Exception) -> str:
    """Return why there is no connection to `host`: `error` came from a request to it."""
    if not isinstance(error, requests.exceptions.SSLError):
        return f"{host} cannot be reached"
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return f"the certificate of {host} is not trusted"
    return f"{host} does not use TLS: https:// cannot be used"


def end_connections(
    session: requests.Session, current: Callable[[], Deadline], retries: int = 0
) -> None:
    """Make the connections of `session` end at the deadline that `current` returns for a request.

    `retries` says how often a connection is attempted again.
    """
    for scheme in _SCHEMES:
        session.mount(scheme, _Adapter(current, retries))


class _Adapter(HTTPAdapter):
    """Opens connections that a deadline ends."""

    def __init__(self, current: Callable[[], Deadline], retries: int) -> None:
        self._current = current
        super().__init__(max_retries=Retry(retries, read=False))

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        """Make the pools use connections that the deadline ends."""
        super().init_poolmanager(*arguments, **keywords)
        self.poolmanager.pool_classes_by_scheme = _pools(self._current)


def _pools(current: Callable[[], Deadline]) -> dict[str, type[HTTPConnectionPool]]:
    class Connection(HTTPConnection):
        watched_by: Deadline | None = None

        def _new_conn(self) -> socket.socket:
            self.watched_by = current()
            return _connected(self, super()._new_conn, self.watched_by)

        def request(self, *arguments: Any, **keywords: Any) -> None:
            _watch(self, current())
            super().request(*arguments, **keywords)

    class SecureConnection(HTTPSConnection):
        watched_by: Deadline | None = None

        def _new_conn(self) -> socket.socket:
            self.watched_by = current()
            return _connected(self, super()._new_conn, self.watched_by)

        def request(self, *arguments: Any, **keywords: Any) -> None:
            _watch(self, current())
            super().request(*arguments, **keywords)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}


def _connected(
    own: HTTPConnection, connect: Callable[[], socket.socket], deadline: Deadline
) -> socket.socket:
    """Return the connection that `connect` makes for `own`, which ends at `deadline`."""
    name = own._dns_host
    try:
        found = addresses(name, own.port or own.default_port, deadline.remaining())
    except socket.gaierror as error:
        raise NameResolutionError(name, own, error) from error
    except TimeoutError as error:
        raise ConnectTimeoutError(own, str(error)) from error
    for address in found:
        own._dns_host, own.timeout = address, deadline.remaining() or _AT_ONCE
        try:
            connection = connect()
        except NewConnectionError:
            if address == found[-1]:
                raise
            continue
        finally:
            own._dns_host = name  # TLS verifies it
        deadline.watch(connection)
        return connection
    raise AssertionError


def _watch(connection: Any, deadline: Deadline) -> None:
    """Make `deadline` end a connection that is open from an earlier request."""
    if connection.sock is not None and connection.watched_by is not deadline:
        connection.watched_by = deadline
        deadline.watch(connection.sock)
