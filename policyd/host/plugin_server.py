"""Serve Docker's plugin protocol on a unix socket.

In: the path of the socket, and a handler for each path of a request. Out: nothing; `run` returns
when `stop` is called. The only client is the daemon: the socket belongs to root, mode 0600. Each
connection has a thread, and is kept open, because a daemon that has to connect anew is slower.
Errors: ConfigError. Source: Docker documentation, "Docker Plugin API", "Access authorization
plugin"; moby pkg/plugins/client.go.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import stat
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Final

from policyd.errors import ConfigError

MAX_REQUEST: Final = 32 << 20
"""Bytes of a request: the daemon hands over bodies of up to 4 MiB, in base64 and twice."""
CONTENT_TYPE: Final = "application/vnd.docker.plugins.v1.2+json"
SYSTEMD_SOCKET: Final = 3
"""The descriptor of the first socket that systemd passes (sd_listen_fds)."""
_BACKLOG: Final = 128

Handler = Callable[[bytes], bytes]
"""Takes the body of a request and returns that of the answer."""


class PluginServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server on a unix socket."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = _BACKLOG

    def __init__(self, path: str, handlers: Mapping[str, Handler]) -> None:
        """Listen at `path`, or on the socket that systemd passes. Raises ConfigError."""
        self.handlers = handlers
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

    def run(self) -> None:
        """Answer requests until `shutdown` is called in another thread."""
        try:
            self.serve_forever(poll_interval=0.2)
        finally:
            self.server_close()
            if self._path:
                with contextlib.suppress(OSError):
                    os.unlink(self._path)

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


class _Request(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: PluginServer

    def do_POST(self) -> None:
        """Answer one request."""
        handler = self.server.handlers.get(self.path)
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()) or "Transfer-Encoding" in self.headers:
            self._answer(HTTPStatus.LENGTH_REQUIRED, b"", close=True)
        elif len(length) > 9 or int(length) > MAX_REQUEST:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"", close=True)
        elif handler is None:
            self.rfile.read(int(length))
            self._answer(HTTPStatus.NOT_FOUND, b"")
        else:
            body = self.rfile.read(int(length))
            self._answer(HTTPStatus.OK, handler(body))

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: every request to the daemon causes two of these."""

    def _answer(self, status: HTTPStatus, body: bytes, *, close: bool = False) -> None:
        """Send the answer in one piece."""
        self.close_connection = self.close_connection or close
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            f"Content-Type: {CONTENT_TYPE}\r\n"
            f"Content-Length: {len(body)}\r\n"
            f"{'Connection: close' if close else 'Connection: keep-alive'}\r\n\r\n"
        )
        self.wfile.write(head.encode() + body)
