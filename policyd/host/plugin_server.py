"""Serve Docker's plugin protocol on a unix socket.

In: the path of the socket, and a handler for each path of a request. Out: nothing; `run` returns
when `stop` is called. The only client is the daemon: the socket belongs to root, mode 0600. Each
connection has a thread, and is kept open, because a daemon that has to connect anew is slower. If a
handler does not end in time, for example because a disk does not answer, the thread that accepts
connections answers in its place. Errors: ConfigError. Source: Docker documentation, "Docker Plugin
API", "Access authorization plugin"; moby pkg/plugins/client.go.
"""

from __future__ import annotations

import contextlib
import io
import os
import socket
import socketserver
import stat
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog

from policyd import deadline
from policyd.errors import ConfigError

MAX_REQUEST: Final = 32 << 20
"""Bytes of a request: the daemon hands over bodies of up to 4 MiB, in base64 and twice."""
MAX_LINE: Final = 64 << 10
"""Bytes of a line of the head of a request."""
MAX_HEADERS: Final = 100
CONTENT_TYPE: Final = "application/vnd.docker.plugins.v1.2+json"
SYSTEMD_SOCKET: Final = 3
"""The descriptor of the first socket that systemd passes (sd_listen_fds)."""
_BACKLOG: Final = 128
_POLL: Final = 0.2
"""Seconds between two looks at requests that may be late."""

log = structlog.get_logger("policyd.host")

Handler = Callable[[bytes], bytes]
"""Takes the body of a request and returns that of the answer."""


class Late(NamedTuple):
    """What is answered to requests, by their paths, after `seconds` without an answer."""

    seconds: float
    answers: Mapping[str, bytes]


NEVER_LATE: Final = Late(0.0, {})


class PluginServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server on a unix socket."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = _BACKLOG

    def __init__(self, path: str, handlers: Mapping[str, Handler], late: Late = NEVER_LATE) -> None:
        """Listen at `path`, or on the socket that systemd passes. Raises ConfigError."""
        self.handlers = handlers
        self.late = late
        self.turns: set[Turn] = set()
        self._path = path
        super().__init__(path, _Request, bind_and_activate=False)
        try:
            if os.environ.get("LISTEN_PID") == str(os.getpid()):
                self.socket.close()
                self.socket = socket.socket(fileno=SYSTEMD_SOCKET)
                self._path = ""
            else:
                self._listen()
        except BaseException:
            self.socket.close()
            raise

    def answer_by(self, handlers: Mapping[str, Handler]) -> None:
        """Answer by `handlers` from the next request on."""
        self.handlers = handlers

    def run(self) -> None:
        """Answer requests until `shutdown` is called in another thread."""
        try:
            self.serve_forever(poll_interval=_POLL)
        finally:
            self.server_close()
            if self._path:
                with contextlib.suppress(OSError):
                    os.unlink(self._path)

    def service_actions(self) -> None:
        """Answer the requests whose handlers did not end in time."""
        now = time.monotonic()
        for turn in self.turns.copy():
            if now > turn.until and turn.take():
                turn.answer_late()

    def get_request(self) -> tuple[socket.socket, Any]:
        """Return the next connection; clients of a unix socket have no address."""
        connection, _ = super().get_request()
        return connection, ("daemon", 0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore a connection that the daemon closed."""

    def _listen(self) -> None:
        try:
            Path(self._path).parent.mkdir(parents=True, exist_ok=True)
            _remove_stale(self._path)
            before = os.umask(0o177)
            try:
                self.server_bind()
            finally:
                os.umask(before)
            self.server_activate()
        except OSError as error:
            raise ConfigError(
                f"host.socket: cannot listen on {self._path}: {error.strerror or error}"
            ) from error


def _remove_stale(path: str) -> None:
    """Remove a socket that nobody serves. Raises ConfigError if somebody does."""
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise ConfigError(f"host.socket: {path} exists and is not a socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
    raise ConfigError(f"host.socket: another process serves {path}")


class Turn:
    """The right to answer one request, which is taken once."""

    def __init__(self, connection: socket.socket, until: float, late: bytes) -> None:
        """`late` is the body of the answer after `until`, in seconds of the monotonic clock."""
        self.until = until
        self._connection = connection
        self._late = late
        self._right = threading.Lock()

    def take(self) -> bool:
        """Return whether the caller is the first to take it."""
        return self._right.acquire(blocking=False)

    def answer_late(self) -> None:
        """Answer, and end the connection: its thread is not back yet."""
        log.error("no decision in time: a disk or a database does not answer")
        with contextlib.suppress(OSError):
            self._connection.sendall(_answer(HTTPStatus.OK, self._late, is_last=True))
            self._connection.shutdown(socket.SHUT_RDWR)


def _answer(status: HTTPStatus, body: bytes, *, is_last: bool) -> bytes:
    end = "close" if is_last else "keep-alive"
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: {end}\r\n\r\n"
    )
    return head.encode() + body


class _TooLate(Exception):
    """The request was answered in the place of its thread."""


class _Request(socketserver.StreamRequestHandler):
    """One connection. A head is read here because `http.server` takes four times as long."""

    server: PluginServer
    rfile: io.BufferedReader

    def handle(self) -> None:
        """Answer requests until one is refused or the daemon closes the connection."""
        while self.rfile.peek(1):
            try:
                status, answer, is_last = self._request()
            except _TooLate:
                return
            self.wfile.write(_answer(status, answer, is_last=is_last))
            if is_last:
                return

    def _request(self) -> tuple[HTTPStatus, bytes, bool]:
        """Return the answer to the next request, and whether the connection ends with it."""
        path, headers = self._head()
        if headers is None:
            return HTTPStatus.BAD_REQUEST, b"", True
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or b"transfer-encoding" in headers:
            return HTTPStatus.LENGTH_REQUIRED, b"", True
        if len(length) > 9 or int(length) > MAX_REQUEST:
            return HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"", True
        if headers.get(b"expect", b"").lower() == b"100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return HTTPStatus.BAD_REQUEST, b"", True
        is_last = headers.get(b"connection", b"").lower() == b"close"
        handler = self.server.handlers.get(path)
        if handler is None:
            return HTTPStatus.NOT_FOUND, b"", is_last
        late = self.server.late.answers.get(path)
        answer = handler(body) if late is None else self._watched(handler, body, late)
        return HTTPStatus.OK, answer, is_last

    def _watched(self, handler: Handler, body: bytes, late: bytes) -> bytes:
        """Return the answer of `handler`. Raises _TooLate if it was too late."""
        until = time.monotonic() + self.server.late.seconds
        turn = Turn(self.connection, until, late)
        self.server.turns.add(turn)
        try:
            with deadline.watched():
                answer = handler(body)
        finally:
            self.server.turns.discard(turn)
        if not turn.take():
            raise _TooLate
        return answer

    def _head(self) -> tuple[str, dict[bytes, bytes] | None]:
        """Return the path of a POST request and its headers, None if it is not valid HTTP/1.1."""
        method, _, rest = self.rfile.readline(MAX_LINE).partition(b" ")
        path, _, version = rest.partition(b" ")
        headers: dict[bytes, bytes] = {}
        if method != b"POST" or version.rstrip(b"\r\n") != b"HTTP/1.1":
            return "", None
        for _ in range(MAX_HEADERS):
            line = self.rfile.readline(MAX_LINE)
            if line in (b"\r\n", b"\n"):
                return path.decode("latin-1"), headers
            name, colon, value = line.partition(b":")
            name = name.lower()
            if not colon or not line.endswith(b"\n") or name in headers or name.strip() != name:
                return "", None
            headers[name] = value.strip()
        return "", None
