from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from policyd import review_client
from policyd.errors import ConfigError, WebhookError, WebhookUnavailable
from policyd.review_client import ReviewClient

ALLOWED = {
    "apiVersion": "policyd/v1",
    "kind": "ComposeReview",
    "response": {"uid": "u", "allowed": True, "status": {"code": 200, "reason": "", "message": ""}},
}
Reply = tuple[int, dict[str, str], bytes]


def status(code: int, message: str, **headers: str) -> Reply:
    """Return an answer as the webhook gives it to a request that failed."""
    body = {"code": code, "reason": "x", "message": message}
    return code, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(
        body
    ).encode()  # fmt: skip


OK: Reply = (200, {}, json.dumps(ALLOWED).encode())


class Server(HTTPServer):
    """Answers with `replies`, one after the other; `seen` are path, token and body of requests."""

    replies: list[Reply]
    seen: list[tuple[str, str, bytes]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers.get("Authorization", ""), body))
        code, headers, content = self.server.replies.pop(0)
        if not code:
            self.close_connection = True
            return
        self.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.replies, running.seen = [], []
    thread = Thread(target=running.serve_forever, args=(0.01,))
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made: none takes any time."""
    made: list[float] = []
    monkeypatch.setattr(review_client.time, "sleep", made.append)
    return made


def test_a_decision_is_returned_for_what_was_sent(server: Server) -> None:
    server.replies = [OK]

    decision = ReviewClient(server.url + "/", "s3cret").ask(b"{}").response

    assert decision.allowed
    assert server.seen == [("/v1/review", "Bearer s3cret", b"{}")]


def test_a_busy_webhook_is_asked_again_after_the_pause_that_it_names(
    server: Server, pauses: list[float]
) -> None:
    server.replies = [
        status(429, "busy", Retry_After="3"),
        status(503, "no log"),
        status(504, "late", Retry_After="999"),
        (0, {}, b""),
        OK,
    ]

    waits: list[str] = []
    assert ReviewClient(server.url, waits=waits.append).ask(b"{}").response.allowed
    assert pauses == [3.0, 2.0, 30.0, 10.0]
    assert waits == [f"127.0.0.1:{server.server_port} answered with status 429: busy"]
    assert set(server.seen) == {("/v1/review", "", b"{}")}


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (status(401, "unknown token"), " answered with status 401: unknown token"),
        (status(400, "the body is wrong"), " answered with status 400: the body is wrong"),
        (status(409, "another content"), " answered with status 409: another content"),
        ((500, {}, b"<html>"), " answered with status 500"),
        ((302, {"Location": "http://other.example/"}, b""), " answered with status 302"),
        ((200, {}, b"<html>"), " did not answer with a decision: "),
        ((200, {}, b"[" * 100_000), " did not answer with a decision: "),
        ((200, {}, b'{"response": {}}'), " did not answer with a decision: "),
    ],
)
def test_other_answers_are_errors_at_once(server: Server, reply: Reply, message: str) -> None:
    server.replies = [reply]

    with pytest.raises(WebhookError) as caught:
        ReviewClient(server.url).ask(b"{}")
    assert str(caught.value).startswith(f"127.0.0.1:{server.server_port}{message}")
    assert len(server.seen) == 1


def test_repetitions_end_with_the_time_limit(server: Server) -> None:
    server.replies = [status(503, "no log", Retry_After="20")] * 3

    with pytest.raises(WebhookError, match="answered with status 503: no log"):
        ReviewClient(server.url, seconds=5).ask(b"{}")
    assert len(server.seen) == 1


def test_a_server_that_drips_ends_with_the_time_limit(stalling: Callable[[bytes], str]) -> None:
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n"
    host = stalling(start)

    with pytest.raises(WebhookError) as caught:
        ReviewClient(f"http://{host}", seconds=0.3).ask(b"{}")
    assert str(caught.value) == f"{host} did not answer within 0.3 seconds"


def test_a_webhook_that_is_not_there_is_an_error(free_port: Callable[[], int]) -> None:
    port = free_port()

    with pytest.raises(WebhookError) as caught:
        ReviewClient(f"http://127.0.0.1:{port}", seconds=0.5).ask(b"{}")
    assert str(caught.value) == f"127.0.0.1:{port} cannot be reached"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "policyd.example",
            "the URL of the webhook must be https://HOST[:PORT], not 'policyd.example'",
        ),
        (
            "ftp://policyd.example",
            "the URL of the webhook must be https://HOST[:PORT], not 'ftp://policyd.example'",
        ),
        (
            "https://a:99999",
            "the URL of the webhook must be https://HOST[:PORT], not 'https://a:99999'",
        ),
        ("https://[", "the URL of the webhook must be https://HOST[:PORT], not 'https://['"),
        ("https://u:p@policyd.example", "the URL of the webhook must be https://HOST[:PORT]"),
        (
            "http://policyd.example",
            "policyd.example: http:// would send the token and the project unencrypted; use "
            "https://, or --insecure",
        ),
    ],
)
def test_an_address_that_is_not_valid_or_not_safe_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ReviewClient(url)
    assert str(caught.value) == message


@pytest.mark.parametrize("token", ["0123456789abcdef\n", "0123456789abcdef\r", "0123456789abcdéf"])
def test_a_token_that_no_header_can_have_is_refused(token: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ReviewClient("https://policyd.example", token)
    assert str(caught.value) == (
        "the token has a line break or another character that no token has; see how its variable "
        "or secret is set"
    )


def test_certificates_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")

    for name, reason in [
        ("ca.pem", "cannot be read: No such file or directory"),
        ("", "cannot be read: Is a directory"),
        ("token", "there is no certificate in PEM in this file"),
    ]:
        path = str(tmp_path / name)
        with pytest.raises(ConfigError) as caught:
            ReviewClient("https://policyd.example", ca_file=path)
        assert str(caught.value) == f"{path}: {reason}"


def test_a_server_that_closes_the_connection_was_reached(server: Server) -> None:
    server.replies = [(0, {}, b"")]

    with pytest.raises(WebhookError) as caught:
        ReviewClient(server.url, seconds=0.9).ask(b"{}")
    assert str(caught.value) == (
        f"127.0.0.1:{server.server_port} closed the connection; see whether it needs https://"
    )


def test_a_server_without_tls_is_no_matter_of_certificates(server: Server) -> None:
    host = server.url.removeprefix("http://")

    with pytest.raises(WebhookError) as caught:
        ReviewClient(f"https://{host}").ask(b"{}")
    assert str(caught.value) == f"{host} does not use TLS: https:// cannot be used"


def test_http_to_another_machine_needs_permission() -> None:
    ReviewClient("http://policyd.example", insecure=True)
    ReviewClient("http://[::1]:80")
    ReviewClient("http://localhost")


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("reply", "is_unavailable"),
    [
        (status(429, "busy"), True),
        (status(500, "internal error"), True),
        (status(502, "bad gateway"), True),
        (status(503, "no log"), True),
        (status(504, "late"), True),
        ((0, {}, b""), True),
        (status(400, "the body is wrong"), False),
        (status(401, "unknown token"), False),
        (status(403, "not valid for the repository"), False),
        ((200, {}, b"<html>"), False),
        ((302, {"Location": "http://other.example/"}, b""), False),
    ],
)
def test_only_a_webhook_that_cannot_answer_is_unavailable(
    server: Server, reply: Reply, is_unavailable: bool
) -> None:
    server.replies = [reply]

    with pytest.raises(WebhookError) as caught:
        ReviewClient(server.url, seconds=0.9).ask(b"{}")
    assert isinstance(caught.value, WebhookUnavailable) is is_unavailable
