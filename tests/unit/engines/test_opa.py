"""An OPA server that answers wrongly: each answer is a denial with a reason, and recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from policyd.admission import Admission
from policyd.audit.event import event_of
from policyd.audit.store import open_store
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.deadline import within
from policyd.engines import EMPTY_INPUT
from policyd.engines.opa import OpaEngine
from policyd.errors import EngineError, ReviewTimeout
from policyd.model import Review
from policyd.policies.policy_set import load_policy_set
from policyd.services import FixedRules, Services

REVISION = "sha256:1"
HELD = {"bundles": {"policyd": {"revision": REVISION}}}
Reply = tuple[int, dict[str, str], bytes]


class Server(HTTPServer):
    """Answers every request with `reply` and counts the requests."""

    reply: Reply = (200, {}, b"{}")
    requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        self.server.requests += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        code, headers, content = self.server.reply
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def start() -> Iterator[Callable[[], Server]]:
    servers: list[Server] = []

    def start_one() -> Server:
        server = Server(("127.0.0.1", 0), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        server.shutdown()
        server.server_close()


def answering(**answer: object) -> bytes:
    return json.dumps({"provenance": HELD, **answer}).encode()


WRONG = {
    "a list": (b"[]", "sent an invalid answer: Expected `object`, got `array`"),
    "a text": (b'"x"', "sent an invalid answer: Expected `object`, got `str`"),
    "null": (b"null", "sent an invalid answer: Expected `object`, got `null`"),
    "no JSON": (b"<html>", "did not answer with JSON"),
    "deep JSON": (b"[" * 100_000, "did not answer with JSON"),
    "provenance that is a list": (
        b'{"provenance": [1]}',
        "sent an invalid answer: Expected `object`, got `array` - at `$.provenance`",
    ),
    "bundles that are a text": (
        b'{"provenance": {"bundles": "x"}}',
        "sent an invalid answer: Expected `object`, got `str` - at `$.provenance.bundles`",
    ),
    "a bundle that is null": (
        b'{"provenance": {"bundles": {"a": null}}}',
        "sent an invalid answer: Expected `object`, got `null` - at `$.provenance.bundles[...]`",
    ),
    "a revision that is a number": (
        b'{"provenance": {"bundles": {"a": {"revision": 1}}}}',
        "sent an invalid answer: Expected `str`, got `int`",
    ),
    "no result": (answering(), "is the OPA bundle loaded?"),
    "a result that is null": (answering(result=None), "is malformed: Expected `object`"),
    "a result without findings": (answering(result={}), "is malformed"),
    "findings that are a text": (answering(result={"findings": "x"}), "is malformed"),
    "a finding that is a number": (answering(result={"findings": [1]}), "is malformed"),
    "half a character": (
        b'{"provenance": {"bundles": {"a": {"revision": "sha256:1"}}}, '
        b'"result": {"findings": [{"policy": "a", "msg": "\\ud800"}]}}',
        "is not JSON",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_an_error_of_the_engine(start: Callable[[], Server], name: str) -> None:
    server = start()
    content, reason = WRONG[name]
    server.reply = (200, {}, content)
    engine = OpaEngine(server.url, REVISION)

    with pytest.raises(EngineError) as error:
        engine.findings(EMPTY_INPUT)

    engine.close()
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"message": "a", "errors": [{"message": "b"}]}', "status 400: a: b"),
        (b'{"message": 7}', "status 400"),
        (b"[1]", "status 400"),
        (b"gone", "status 400"),
    ],
)
def test_an_error_of_opa_is_shown_with_its_message(
    start: Callable[[], Server], content: bytes, reason: str
) -> None:
    server = start()
    server.reply = (400, {}, content)
    engine = OpaEngine(server.url, REVISION)

    with pytest.raises(EngineError) as error:
        engine.findings(EMPTY_INPUT)

    engine.close()
    assert str(error.value) == f"OPA at {server.url}: {reason}"


@pytest.mark.parametrize("code", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(start: Callable[[], Server], code: int) -> None:
    other, server = start(), start()
    other.reply = (200, {}, answering(result={"findings": []}))
    server.reply = (code, {"Location": f"{other.url}/v1/data/policyd/main/result"}, b"")
    engine = OpaEngine(server.url, REVISION, token="secret")

    with pytest.raises(EngineError) as error:
        engine.findings(EMPTY_INPUT)

    engine.close()
    assert str(error.value) == (
        f"OPA at {server.url}: it redirects to another URL; redirects are not followed"
    )
    assert (server.requests, other.requests) == (1, 0)


def test_a_password_in_the_url_is_not_shown(start: Callable[[], Server]) -> None:
    server = start()
    server.reply = (400, {}, b"")
    engine = OpaEngine(server.url.replace("//", "//me:hunter2@"), REVISION)

    with pytest.raises(EngineError, match=r"^OPA at http://127") as error:
        engine.findings(EMPTY_INPUT)

    engine.close()
    assert "hunter2" not in str(error.value)


def test_a_wrong_answer_is_a_recorded_denial(start: Callable[[], Server], tmp_path: Path) -> None:
    server = start()
    server.reply = (200, {}, b'{"provenance": "x"}')
    engine = OpaEngine(server.url, REVISION)
    store = open_store(str(tmp_path / "audit.db"))
    services = Services(Settings(), FixedRules(Admission(engine, load_policy_set())), store)
    bundle = memory_bundle({"compose.yaml": b"services: {web: {image: nginx}}"})

    decision = services.decide(bundle, Review(uid="u", enforcement_point="ci", now=1))

    assert (decision.allowed, decision.status.code) == (False, 500)
    assert decision.status.message.startswith(f"OPA at {server.url} sent an invalid answer")
    assert event_of(store.decision(decision.decision_id)).result == decision
    services.close()


DRIPPING = b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n"


@pytest.mark.parametrize("first", [b"", DRIPPING, b"HTTP/1.1 200 OK\r\nX-Drip: "])
def test_a_server_that_drips_ends_with_the_time_of_the_engine(
    first: bytes, stalling: Callable[[bytes], str]
) -> None:
    engine = OpaEngine(f"http://{stalling(first)}", REVISION, deadline=0.3)

    with pytest.raises(EngineError, match="no answer in time"):
        engine.findings(EMPTY_INPUT)


def test_a_server_that_drips_ends_with_the_time_of_the_review(
    stalling: Callable[[bytes], str],
) -> None:
    engine = OpaEngine(f"http://{stalling(DRIPPING)}", REVISION, deadline=600)

    with within(0.3), pytest.raises(ReviewTimeout) as caught:
        engine.findings(EMPTY_INPUT)
    assert str(caught.value) == "OPA did not answer within 0.3 seconds"


def test_a_connection_is_used_again_after_the_deadline_of_an_earlier_query(
    start: Callable[[], Server],
) -> None:
    server = start()
    server.reply = (200, {}, answering(result={"findings": []}))
    engine = OpaEngine(server.url, REVISION)
    for _ in range(2):
        with within(0.2):
            engine.findings(EMPTY_INPUT)
        time.sleep(0.3)
    assert server.requests == 2
