"""What reaches the application of a worker, and what is refused before: raw requests, no client."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import struct
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask, Response, request

from policyd.audit.store import open_store
from policyd.errors import Overloaded
from policyd.serving.asgi import (
    CONSOLE_THREADS,
    FULL_COLLECTION_INTERVAL,
    MAX_LOOKING,
    MAX_WAITING,
    YOUNG_COLLECTION_INTERVAL,
    AsgiApplication,
    answer_of,
    environ_of,
)
from tests.support.cases import cases

HEAD = (
    b"POST /v1/review HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    b"Content-Type: application/yaml\r\n"
)
CLEAN = b"services:\n  web:\n    image: nginx:1.27\n"
LENGTH = b"Content-Length: 500\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
FORM = (
    b"POST /v1/review HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n"
    b"Content-Type: multipart/form-data; boundary=b\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="file"; filename="compose.yaml"\r\n\r\n'
    + CLEAN
    + b"\r\n--b--\r\n"
)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


CUT_OFF = {
    "a body shorter than its length": HEAD + LENGTH + CLEAN,
    "chunks without the last one": HEAD + CHUNKED + chunk(CLEAN),
    "half a chunk": HEAD + CHUNKED + b"ff\r\n" + CLEAN,
    "a chunk size that is no number": HEAD + CHUNKED + chunk(CLEAN) + b"zz\r\n",
    "a form": FORM,
}


@pytest.fixture(scope="module")
def webhook(tmp_path_factory, request) -> Iterator[Any]:
    from tests.conftest import Webhook, wait_until

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = Webhook(tmp_path_factory.mktemp("webhook"), port, {"workers": 1}, "")
    wait_until(started.is_ready)
    yield started
    started.kill()


def connect(webhook) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(webhook.url.rpartition(":")[2])), timeout=30)


def exchange(webhook, data: bytes) -> bytes:
    """Send `data`, and return what is answered."""
    with connect(webhook) as connection:
        connection.sendall(data)
        return received(connection)


def received(connection: socket.socket) -> bytes:
    answer = b""
    while part := connection.recv(65536):
        answer += part
    return answer


def decisions(webhook) -> int:
    store = open_store(webhook.audit)
    try:
        return len(list(store.decisions()))
    finally:
        store.close()


@pytest.mark.thorough
@cases("reset", [False, True], ids=["closed", "reset"])
@cases("data", CUT_OFF.values(), ids=CUT_OFF)
def test_a_body_that_is_cut_off_is_no_review(webhook, data: bytes, reset: bool) -> None:
    """What is behind the cut could be what a policy denies."""
    before = decisions(webhook)

    with connect(webhook) as connection:
        connection.sendall(data)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.shutdown(socket.SHUT_WR)
            assert b"HTTP/1.1 200 " not in received(connection)

    whole = exchange(webhook, HEAD + b"Content-Length: %d\r\n\r\n" % len(CLEAN) + CLEAN)
    assert whole.startswith(b"HTTP/1.1 200 ")
    assert decisions(webhook) == before + 1


def test_a_whole_body_in_chunks_is_reviewed(webhook) -> None:
    answer = exchange(webhook, HEAD + CHUNKED + chunk(CLEAN[:9]) + chunk(CLEAN[9:]) + b"0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["response"]["allowed"] is True


def test_connections_that_send_nothing_and_bodies_that_drip_stop_nobody(webhook) -> None:
    idle = [connect(webhook) for _ in range(1_100)]
    dripping = [connect(webhook) for _ in range(40)]
    try:
        for connection in dripping:
            connection.sendall(HEAD + LENGTH + b"services:")

        for path in (b"/healthz", b"/readyz"):
            answer = exchange(
                webhook,
                b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            )
            assert answer.startswith(b"HTTP/1.1 200 ")
        whole = exchange(webhook, HEAD + b"Content-Length: %d\r\n\r\n" % len(CLEAN) + CLEAN)
        assert whole.startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in (*idle, *dripping):
            connection.close()


# --- without a server -----------------------------------------------------------------------------


class Exchange:
    """One request to `app`: its messages, and the answer that was sent."""

    def __init__(self, *messages: dict[str, Any], path: bytes = b"/", **headers: str) -> None:
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": path.decode(),
            "raw_path": path,
            "query_string": b"a=1",
            "http_version": "1.1",
            "scheme": "http",
            "server": ("127.0.0.1", 80),
            "client": ("127.0.0.1", 4711),
            "headers": [
                (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
            ],
        }
        self._messages = list(messages)
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""

    async def receive(self) -> dict[str, Any]:
        if not self._messages:
            await asyncio.Event().wait()
        return self._messages.pop(0)

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message["body"]

    async def run(self, app: AsgiApplication) -> Exchange:
        await app(self.scope, self.receive, self.send)
        return self

    @property
    def message(self) -> str:
        return str(json.loads(self.body)["message"])


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def echo() -> Flask:
    app = Flask("echo")

    @app.route("/", methods=["POST"])
    def answer() -> Response:
        return Response(request.get_data(), headers={"X-Length": request.headers["Content-Length"]})

    return app


def test_the_parts_of_a_body_are_joined() -> None:
    app = AsgiApplication(echo(), threads=1, max_body=10, answer_seconds=60)

    found = asyncio.run(Exchange(part(b"abc", more=True), part(b"de")).run(app))

    assert (found.status, found.body, found.headers[b"x-length"]) == (200, b"abcde", b"5")


class Cycle:
    """An object that refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.mark.parametrize(
    ("age", "answers"), [(0, YOUNG_COLLECTION_INTERVAL), (1, FULL_COLLECTION_INTERVAL)]
)
def test_garbage_is_looked_for_after_a_number_of_answers(age: int, answers: int) -> None:
    """What survived one look is only looked at again among all."""
    app = AsgiApplication(echo(), threads=1, max_body=10, answer_seconds=60)

    async def run() -> bool:
        gc.collect()
        cycle = Cycle()
        for _ in range(age):
            gc.collect(1)
        found = weakref.ref(cycle)
        del cycle
        app._answered = answers - 2
        await Exchange(part(b"a")).run(app)
        assert found() is not None
        await Exchange(part(b"a")).run(app)
        return found() is None

    gc.disable()  # only what the application asks for
    try:
        assert asyncio.run(run())
    finally:
        gc.enable()


class Parts:
    """An answer in parts, which wants to be closed."""

    def __init__(self) -> None:
        self.is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter((b"two ", b"parts"))

    def close(self) -> None:
        self.is_closed = True


def test_the_answer_of_an_application_is_whole_and_closed() -> None:
    parts = Parts()

    def app(_environ: Any, start_response: Any) -> Parts:
        start_response("200 OK", [("X-First", "1")])
        start_response("503 Service Unavailable", [("X-Last", "1")])
        return parts

    assert answer_of(app, {}) == (503, [("X-Last", "1")], b"two parts")
    assert parts.is_closed


def test_what_an_application_writes_comes_before_what_it_returns() -> None:
    def app(_environ: Any, start_response: Any) -> Iterator[bytes]:
        write = start_response("200 OK", [])
        write(b"written, ")
        yield b"returned, "
        write(b"late, ")
        yield b"end"

    assert answer_of(app, {}) == (200, [], b"written, returned, late, end")


@cases(
    ("exchange", "status", "message"),
    [
        (
            Exchange(content_length="11"),
            413,
            "request body too large: 11 bytes; the limit is 10",
        ),
        (
            Exchange(part(b"x" * 6, more=True), part(b"x" * 5, more=True)),
            413,
            "request body too large: more than 10 bytes",
        ),
        (
            Exchange(part(b"abc", more=True), {"type": "http.disconnect"}),
            400,
            "request body incomplete: the connection was closed",
        ),
        (Exchange(part(b"abc"), content_length="4"), 400, "request body incomplete: 3 of 4 bytes"),
        (
            Exchange(part(b"abc", more=True)),
            408,
            "the request body did not arrive within 0.1 seconds",
        ),
    ],
    ids=["length", "parts", "closed", "short", "late"],
)
def test_a_body_that_is_not_whole_or_too_large_reaches_no_application(
    exchange: Exchange, status: int, message: str
) -> None:
    app = AsgiApplication(
        Flask("none"), threads=1, max_body=10, answer_seconds=60, body_seconds=0.1
    )

    found = asyncio.run(exchange.run(app))

    assert (found.status, found.message) == (status, message)


def test_pages_of_the_console_take_no_threads_of_reviews() -> None:
    release = threading.Event()
    app = Flask("blocking")

    @app.post("/console/")
    def page() -> str:
        release.wait()
        return "page"

    @app.post("/")
    def review() -> str:
        return "reviewed"

    asgi = AsgiApplication(app, threads=1, max_body=10, answer_seconds=60)

    async def ask() -> tuple[Exchange, Exchange, list[Exchange]]:
        looking = [
            asyncio.create_task(Exchange(part(b""), path=b"/console/").run(asgi))
            for _ in range(CONSOLE_THREADS + MAX_LOOKING)
        ]
        await asyncio.sleep(0)
        beyond = await Exchange(part(b""), path=b"/console/").run(asgi)
        browser = Exchange(part(b""), path=b"/console/", accept="text/html,*/*;q=0.8")
        refused.append(await browser.run(asgi))
        reviewed = await Exchange(part(b"")).run(asgi)
        release.set()
        return beyond, reviewed, await asyncio.gather(*looking)

    refused: list[Exchange] = []
    beyond, reviewed, looking = asyncio.run(ask())
    shown = refused[0]
    assert (shown.status, shown.headers[b"retry-after"]) == (429, b"1")
    assert shown.headers[b"content-type"] == b"text/html; charset=utf-8"
    assert beyond.message in shown.body.decode()

    assert beyond.status == 429
    assert beyond.message == "too many people use the console at the same time; try again later"
    assert reviewed.body == b"reviewed"
    assert {found.body for found in looking} == {b"page"}


def test_an_api_client_that_accepts_pages_gets_json() -> None:
    app = AsgiApplication(Flask("none"), threads=1, max_body=3, answer_seconds=60)
    found = asyncio.run(Exchange(part(b"long"), path=b"/v1/review", accept="text/html").run(app))

    assert (found.status, found.message) == (
        413, "request body too large: more than 3 bytes",
    )  # fmt: skip


def test_requests_beyond_the_limit_are_told_to_come_back_and_probes_are_answered() -> None:
    release = threading.Event()
    blocking = Flask("blocking")

    @blocking.post("/")
    def wait() -> str:
        release.wait()
        return "done"

    @blocking.post("/healthz")
    def health() -> str:
        return "healthy"

    app = AsgiApplication(blocking, threads=2, max_body=10, answer_seconds=60)

    async def ask() -> tuple[Exchange, Exchange, list[Exchange]]:
        accepted = [
            asyncio.create_task(Exchange(part(b"")).run(app)) for _ in range(2 + MAX_WAITING)
        ]
        await asyncio.sleep(0)
        beyond = await Exchange(part(b"")).run(app)
        probe = await Exchange(part(b""), path=b"/healthz").run(app)
        release.set()
        return beyond, probe, await asyncio.gather(*accepted)

    beyond, probe, accepted = asyncio.run(ask())

    assert (beyond.status, beyond.headers[b"retry-after"]) == (429, b"1")
    assert beyond.message == "too many requests at the same time; try again later"
    assert (probe.status, probe.body) == (200, b"healthy")
    assert {found.body for found in accepted} == {b"done"}
    assert Overloaded.reason == "TooManyRequests"


def test_a_request_that_waited_too_long_for_a_thread_is_not_started() -> None:
    started: list[str] = []
    slow = Flask("slow")

    @slow.post("/<name>")
    def wait(name: str) -> str:
        started.append(name)
        time.sleep(0.2)
        return "done"

    app = AsgiApplication(slow, threads=1, max_body=10, answer_seconds=0.1)

    async def ask() -> list[Exchange]:
        return await asyncio.gather(
            *(Exchange(part(b""), path=path).run(app) for path in (b"/first", b"/second"))
        )

    first, second = asyncio.run(ask())

    assert (first.status, first.body) == (200, b"done")
    assert (second.status, second.headers[b"retry-after"]) == (504, b"1")
    assert second.message == "the review took too long; nothing was decided: try again later"
    assert started == ["first"]


@pytest.mark.thorough
def test_an_environ_has_the_headers_of_the_request_and_no_other() -> None:
    exchange = Exchange(
        path=b"/a%2Fb%ff",
        content_type="text/yaml",
        content_length="9",
        transfer_encoding="chunked",
        authorization="Bearer a",
    )
    exchange.scope["headers"] += [(b"authorization", b"Bearer b"), (b"x_forwarded", b"1")]

    environ = environ_of(exchange.scope, b"abc")

    assert environ["wsgi.input"].read() == b"abc"
    assert {key: environ[key] for key in environ if not key.startswith("wsgi.")} == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a/b\xff",
        "QUERY_STRING": "a=1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "text/yaml",
        "CONTENT_LENGTH": "3",
        "HTTP_AUTHORIZATION": "Bearer a,Bearer b",
    }
