"""A server that holds its clients up."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest


@pytest.fixture
def stalling() -> Iterator[Callable[[bytes], str]]:
    """A function that starts a server which sends one text and then a byte now and then.

    Without a text it sends nothing.
    """
    stop = threading.Event()
    servers: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def serve(server: socket.socket, start: bytes) -> None:
        open_connections = []
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                open_connections.append(connection)
                connection.sendall(start)
                thread = threading.Thread(target=trickle, args=(connection, start))
                thread.start()
                threads.append(thread)
        for connection in open_connections:
            connection.close()

    def trickle(connection: socket.socket, start: bytes) -> None:
        with contextlib.suppress(OSError):
            while start and not stop.wait(0.02):
                connection.sendall(b"x")

    def start(first: bytes) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)
        thread = threading.Thread(target=serve, args=(server, first))
        thread.start()
        threads.append(thread)
        return f"127.0.0.1:{server.getsockname()[1]}"

    yield start
    stop.set()
    for server in servers:
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
    for thread in threads:
        thread.join()
