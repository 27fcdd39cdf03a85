"""A load generator: it sends requests to one server over a fixed number of kept connections.

In: an address, and whole requests as bytes. Out: the statuses, and how long each request took. It
uses plain sockets, because an HTTP client would take more processor time than the server.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Sequence


def post(path: str, content_type: str, body: bytes) -> bytes:
    """Return the bytes of a POST request that keeps the connection open."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send_all(
    address: tuple[str, int], requests: Sequence[bytes], connections: int
) -> tuple[dict[str, int], list[float], float]:
    """Send each request once, over `connections` connections at the same time.

    Returns the number of answers by status, the sorted seconds of each request, and the seconds of
    the whole run.
    """
    statuses: dict[str, int] = {}
    times: list[float] = []
    lock = threading.Lock()
    threads = [
        threading.Thread(
            target=_client, args=(address, requests[first::connections], statuses, times, lock)
        )
        for first in range(connections)
    ]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses, sorted(times), time.perf_counter() - start


def _client(
    address: tuple[str, int],
    requests: Sequence[bytes],
    statuses: dict[str, int],
    times: list[float],
    lock: threading.Lock,
) -> None:
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            start = time.perf_counter()
            connection.sendall(request)
            status = _answer(connection)
            took = time.perf_counter() - start
            with lock:
                statuses[status] = statuses.get(status, 0) + 1
                times.append(took)


def _answer(connection: socket.socket) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").lower().split("\r\n")
    length = next(int(line[15:]) for line in lines if line.startswith("content-length:"))
    left = length - len(body)
    while left > 0:
        left -= len(_some(connection))
    return lines[0].split(" ")[1]


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data
