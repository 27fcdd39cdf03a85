"""End the connections of one purpose at a deadline, whatever the other side sends.

The time limits of sockets count from one byte to the next: a server that sends a byte now and then
would be read forever.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

_SCHEMES: Final = ("http://", "https://")


class Deadline:
    """A moment that all requests for one purpose share, `seconds` from now.

    It is a context: at its end, and at the deadline, connections that are still open are ended.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer: threading.Timer | None = None
        self._is_over = False

    def __enter__(self) -> Deadline:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._end_connections()

    def remaining(self) -> float:
        """Return how many seconds are left, 0 if none are."""
        return 0.0 if self._is_over else max(self._end - time.monotonic(), 0.0)

    def session(self) -> requests.Session:
        """Return a session whose connections end at the deadline."""
        session = requests.Session()
        for scheme in _SCHEMES:
            session.mount(scheme, _Adapter(self))
        return session

    def watch(self, connection: socket.socket) -> None:
        """End `connection` at the deadline."""
        with self._lock:
            # A duplicate, because TLS takes the socket itself over.
            self._sockets.append(connection.dup())
            if self._timer is None:
                self._timer = threading.Timer(self.remaining(), self._end_connections)
                self._timer.daemon = True
                self._timer.start()
            is_over = self._is_over
        if is_over:
            self._end_connections()

    def _end_connections(self) -> None:
        with self._lock:
            self._is_over = True
            ended, self._sockets = self._sockets, []
        for connection in ended:
            with connection, contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Adapter(HTTPAdapter):
    """Opens connections that a deadline ends."""

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **keywords: Any) -> None:
        """Make the pools use connections that the deadline ends."""
        super().init_poolmanager(*arguments, **keywords)
        self.poolmanager.pool_classes_by_scheme = _pools(self._deadline)


def _pools(deadline: Deadline) -> dict[str, type[HTTPConnectionPool]]:
    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            deadline.watch(connection)
            return connection

    class SecureConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            connection = super()._new_conn()
            deadline.watch(connection)
            return connection

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}
