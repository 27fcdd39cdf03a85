from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.errors import ConfigError, DeliveryError
from policyd.http_endpoint import MAX_ANSWER, Answer, Endpoint
from tests.support.cases import cases
from tests.support.http_recorder import DROP, Recorder, Reply, recorder

SECRET = "0123456789abcdef"


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


def test_a_document_arrives_with_the_token_of_that_moment(server: Recorder, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text(SECRET)
    endpoint = Endpoint(f"{server.url}?tenant=a", "--to", token_file=str(file))
    server.replies = [Reply(202, {"Content-Type": "Text/X; charset=utf-8"}, b"ok")]

    assert endpoint.send("PUT", b"body", {"X-A": "1"}, 5) == Answer(202, b"ok", "text/x")
    file.write_text(SECRET[::-1])
    assert endpoint.send("POST", b"", {}, 5).is_success

    first, second = server.seen
    assert (first.method, first.path, first.body) == ("PUT", "/logs?tenant=a", b"body")
    assert (first.headers["x-a"], first.headers["authorization"]) == ("1", f"Bearer {SECRET}")
    assert second.headers["authorization"] == f"Bearer {SECRET[::-1]}"
    assert endpoint.name == server.url
    file.unlink()
    with pytest.raises(DeliveryError, match=r"^--to: cannot read .*: No such file"):
        endpoint.send("POST", b"", {}, 5)


def test_redirects_are_not_followed_and_long_answers_are_cut(server: Recorder) -> None:
    endpoint = Endpoint(server.url, "--to")
    server.replies = [Reply(307, {"Location": server.url}), Reply(200, {}, b"x" * (MAX_ANSWER + 9))]

    assert endpoint.send("POST", b"", {}, 5).status == 307
    assert len(endpoint.send("POST", b"", {}, 5).content) == MAX_ANSWER
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("status", "retry_after", "success", "may_repeat", "pause"),
    [
        (200, "", True, False, 0.0),
        (204, "", True, False, 0.0),
        (302, "", False, False, 0.0),
        (401, "", False, False, 0.0),
        (413, "", False, False, 0.0),
        (429, "7", False, True, 7.0),
        (429, "99999", False, True, 300.0),
        (503, "Wed, 21 Oct 2015 07:28:00 GMT", False, True, 0.0),
        (500, "-1", False, True, 0.0),
    ],
)
def test_a_status_says_whether_to_repeat(
    server: Recorder, status: int, retry_after: str, success: bool, may_repeat: bool, pause: float
) -> None:
    server.last = Reply(status, {"Retry-After": retry_after} if retry_after else {})

    answer = Endpoint(server.url, "--to").send("POST", b"", {}, 5)

    assert (answer.is_success, answer.may_repeat, answer.pause) == (success, may_repeat, pause)


def test_an_endpoint_without_tls_is_no_matter_of_certificates(server: Recorder) -> None:
    url = server.url.replace("http://", "https://")

    with pytest.raises(DeliveryError) as caught:
        Endpoint(url, "--to").send("POST", b"", {}, 5)

    assert str(caught.value) == f"{url} does not use TLS: https:// cannot be used"


def test_an_endpoint_that_does_not_answer_is_an_error_without_credentials(server: Recorder) -> None:
    server.last = Reply(DROP)

    with pytest.raises(DeliveryError) as caught:
        Endpoint(f"{server.url}?key=hunter2", "--to").send("POST", b"", {}, 5)

    assert str(caught.value) == f"{server.url} cannot be reached, or did not answer"


@cases(
    ("url", "message"),
    [
        ("ftp://host/logs", "--to: expected https://HOST[:PORT]/PATH, found 'ftp://host/logs'"),
        ("https:///logs", "--to: expected https://HOST[:PORT]/PATH, found 'https:///logs'"),
        ("https://h:99999/", "--to: expected https://HOST[:PORT]/PATH, found 'https://h:99999/'"),
        ("https://h/#a", "--to: expected https://HOST[:PORT]/PATH, found 'https://h/'"),
        (
            "https://ana:hunter2@host/logs?x=hunter2",
            "--to: https://host/logs: name a file with a token instead of a user",
        ),
        ("http://host/logs", "--to: http://host/logs is not encrypted; use https://"),
    ],
)
def test_a_url_that_cannot_be_used_is_an_error(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Endpoint(url, "--to")
    assert str(caught.value) == message


def test_http_to_another_machine_can_be_permitted() -> None:
    assert Endpoint("http://host/logs", "--to", insecure=True).name == "http://host/logs"


def test_a_token_file_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(SECRET)
    file.chmod(0o644)

    with pytest.raises(ConfigError, match=r"^--to: all users of this machine can read "):
        Endpoint("https://host/", "--to", token_file=str(file))
