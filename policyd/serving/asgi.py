"""The ASGI application of a worker: it receives whole requests and bounds what they cost.

In: the requests that the server accepts. Out: the answers of the WSGI application, which runs in a
fixed number of threads. The time that a request waits for one counts towards its time limit. A
request whose body is incomplete, late or too large is refused before it takes a thread, and so is a
request beyond the number that may wait. The probes and the console have threads of their own.
Source: ASGI 3.0, HTTP message format; PEP 3333, environ variables.
"""

from __future__ import annotations

import asyncio
import gc
import io
import sys
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_to_bytes
from wsgiref.types import WSGIApplication

import structlog
from flask import Response

from policyd import deadline
from policyd.errors import Overloaded, PayloadTooLarge, PolicydError, RequestError, RequestTimeout
from policyd.limits import MIB
from policyd.web.console.refusals import refusal_page
from policyd.web.health import HEALTH_PATH, READINESS_PATH
from policyd.web.replies import failure_of

BODY_SECONDS: Final = 30.0
"""How long the body of a request may take to arrive."""
MAX_WAITING: Final = 64
"""Requests of one worker that wait for a thread."""
CONSOLE_THREADS: Final = 2
"""Threads of one worker that answer requests of the console."""
MAX_LOOKING: Final = 32
"""Requests of the console that wait for a thread of one worker."""
YOUNG_COLLECTION_INTERVAL: Final = 16
"""Answers of a worker between two garbage collections of young objects."""
FULL_COLLECTION_INTERVAL: Final = 1_024
"""Answers of a worker between two garbage collections of all objects."""
CONSOLE_PREFIX: Final = "/console/"
MAX_BUFFERED: Final = 256 * MIB
"""Bytes of bodies that one worker holds, of requests that arrive, wait or are answered."""

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

log = structlog.get_logger("policyd.serve")


class Answer(NamedTuple):
    """The status code, the headers and the whole body of an answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class AsgiApplication:
    """Calls the WSGI application `app` in `threads` threads, with bodies of at most `max_body`."""

    def __init__(
        self,
        app: WSGIApplication,
        threads: int,
        max_body: int,
        answer_seconds: float,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        """`answer_seconds` limits the time from the end of a request to its answer."""
        self._app = app
        self._max_body = max_body
        self._answer_seconds = answer_seconds
        self._body_seconds = body_seconds
        self._max_requests = threads + MAX_WAITING
        self._max_buffered = max(MAX_BUFFERED, max_body)
        self._threads = ThreadPoolExecutor(threads, "request")
        self._probes = {
            HEALTH_PATH: ThreadPoolExecutor(1, "health"),
            READINESS_PATH: ThreadPoolExecutor(1, "readiness"),
        }
        self._console = ThreadPoolExecutor(CONSOLE_THREADS, "console")
        self._requests = 0
        self._answered = 0
        self._looks = 0
        self._buffered = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = bytearray()
        try:
            await self._receive_body(body, scope, receive)
            answer = await self._answer(environ_of(scope, body))
        except PolicydError as error:
            log.warning(
                "request refused",
                method=scope["method"],
                path=scope["path"],
                status=error.status_code,
                reason=str(error),
            )
            failure = _refusal(scope, error)
            answer = Answer(failure.status_code, list(failure.headers), failure.get_data())
        finally:
            self._buffered -= len(body)
        await _send(answer, send)
        self._collect_garbage()

    def _collect_garbage(self) -> None:
        """Collect garbage at intervals, when the objects of the request are already free."""
        self._answered += 1
        if self._answered % FULL_COLLECTION_INTERVAL == 0:
            gc.collect()
        elif self._answered % YOUNG_COLLECTION_INTERVAL == 0:
            gc.collect(1)

    async def _receive_body(self, body: bytearray, scope: Scope, receive: Receive) -> None:
        """Append the body of the request to `body`.

        Raises PayloadTooLarge, RequestTimeout, Overloaded, and RequestError for an incomplete body.
        """
        announced = int(_header(scope, b"content-length") or 0)
        if announced > self._max_body:
            raise PayloadTooLarge(
                f"request body too large: {announced:,} bytes; the limit is {self._max_body:,}"
            )
        try:
            async with asyncio.timeout(self._body_seconds):
                while await self._receive_chunk(body, receive):
                    pass
        except TimeoutError:
            raise RequestTimeout(
                f"the request body did not arrive within {self._body_seconds:g} seconds"
            ) from None
        if len(body) < announced:
            raise RequestError(f"request body incomplete: {len(body):,} of {announced:,} bytes")

    async def _receive_chunk(self, body: bytearray, receive: Receive) -> bool:
        """Append the next part of the body to `body`. Return whether there is more."""
        message = await receive()
        if message["type"] == "http.disconnect":
            raise RequestError("request body incomplete: the connection was closed")
        chunk = message.get("body", b"")
        body += chunk
        self._buffered += len(chunk)
        if len(body) > self._max_body:
            raise PayloadTooLarge(f"request body too large: more than {self._max_body:,} bytes")
        if self._buffered > self._max_buffered:
            raise Overloaded("too many large requests at the same time; try again later")
        return bool(message.get("more_body", False))

    async def _answer(self, environ: dict[str, Any]) -> Answer:
        """Return the answer of the WSGI application. Raises Overloaded and ReviewTimeout."""
        loop = asyncio.get_running_loop()
        until = time.monotonic() + self._answer_seconds
        if probe := self._probes.get(environ["PATH_INFO"]):
            return await loop.run_in_executor(probe, self._call, environ, until)
        if environ["PATH_INFO"].startswith(CONSOLE_PREFIX):
            return await self._look(environ, until)
        if self._requests >= self._max_requests:
            raise Overloaded("too many requests at the same time; try again later")
        self._requests += 1
        try:
            return await loop.run_in_executor(self._threads, self._call, environ, until)
        finally:
            self._requests -= 1

    async def _look(self, environ: dict[str, Any], until: float) -> Answer:
        """Return a page of the console. Its threads are none of those that answer reviews."""
        if self._looks >= CONSOLE_THREADS + MAX_LOOKING:
            raise Overloaded("too many people use the console at the same time; try again later")
        self._looks += 1
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._console, self._call, environ, until)
        finally:
            self._looks -= 1

    def _call(self, environ: dict[str, Any], until: float) -> Answer:
        with deadline.within(until - time.monotonic()):
            return answer_of(self._app, environ)


def _refusal(scope: Scope, error: PolicydError) -> Response:
    """Return the answer to a request that is refused: a page, where a browser asks for one."""
    is_look = scope["path"].startswith(CONSOLE_PREFIX)
    is_page = is_look and "text/html" in _header(scope, b"accept").lower()
    return refusal_page(error) if is_page else failure_of(error)


def answer_of(app: WSGIApplication, environ: dict[str, Any]) -> Answer:
    """Return the answer of `app`. Source: PEP 3333, "The Application/Framework Side"."""
    started: list[tuple[str, list[tuple[str, str]]]] = []
    body = bytearray()

    def start_response(
        status: str, headers: list[tuple[str, str]], _exc_info: object = None
    ) -> Callable[[bytes], object]:
        started.append((status, headers))
        return body.extend

    parts = app(environ, start_response)
    try:
        for part in parts:
            body += part
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = started[-1]
    return Answer(int(status[:3]), headers, bytes(body))


def environ_of(scope: Scope, body: bytes | bytearray) -> dict[str, Any]:
    """Return the environ of the request `scope`, whose whole body is `body` (PEP 3333)."""
    server, client = scope.get("server") or ("", 0), scope.get("client") or ("", 0)
    environ = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        if b"_" in name:  # it could be taken for another header, whose name has "-" there
            continue
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH", "TRANSFER_ENCODING"):
            key = f"HTTP_{key}"
        text = value.decode("latin-1")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    environ.pop("TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (key.lower().encode("latin-1"), value.encode("latin-1")) for key, value in answer.headers
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
