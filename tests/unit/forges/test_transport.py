"""Requests to a forge: hosts, limits, and what each status means."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections.abc import Iterator
from functools import partial

import pytest

from policyd.errors import ForgeError
from policyd.forge_settings import ForgeSettings
from policyd.forges import transport
from policyd.forges.contract import Call
from policyd.forges.transport import Gone, Transport
from tests.support.forge import ForgeServer, forge_server

ARCHIVE = Call("GET", f"/repos/ml/train/tarball/{'a' * 40}")


@pytest.fixture
def forge() -> Iterator[ForgeServer]:
    with forge_server("github") as server:
        server.commits = {"a" * 40: {"compose.yaml": "services: {}\n"}}
        yield server


def reached(forge: ForgeServer, **changes: object) -> Transport:
    settings = ForgeSettings(
        kind="github",
        url=f"http://{forge.host}",
        insecure=True,
        secret_file="",
        repositories=("**",),
        **changes,  # type: ignore[arg-type]
    )
    return Transport(settings, Tokens())


class Tokens:
    """One token, and which were forgotten."""

    def token(self, installation: int) -> str:
        return "t0ken"

    def forget(self, installation: int) -> None:
        pass


@pytest.mark.parametrize(
    ("code", "headers", "pause", "is_final"),
    [
        (401, {}, 0, False),
        (403, {}, 0, True),
        (403, {"Retry-After": "60"}, 60, False),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, 1, False),
        (403, {"X-RateLimit-Remaining": "9", "X-RateLimit-Reset": "1"}, 0, True),
        (404, {}, 0, True),
        (409, {}, 0, True),
        (410, {}, 0, True),
        (422, {}, 0, True),
        (429, {}, 0, False),
        (429, {"Retry-After": "999999"}, 3600, False),
        (429, {"Retry-After": "soon"}, 0, False),
        (500, {}, 0, False),
        (502, {"Retry-After": "5"}, 5, False),
    ],
)
def test_each_status_says_whether_and_when_to_ask_again(
    forge: ForgeServer, code: int, headers: dict[str, str], pause: float, is_final: bool
) -> None:
    forge.failing = [(code, headers)]

    with pytest.raises(ForgeError) as refused:
        reached(forge).send(ARCHIVE)

    assert (refused.value.retry_after, refused.value.is_final) == (pause, is_final)
    assert "t0ken" not in str(refused.value)


@pytest.mark.parametrize(
    "location",
    ["http://169.254.169.254/latest/meta-data", "https://evil.example/x", "file:///etc/passwd"],
)
def test_a_redirect_to_a_foreign_host_is_refused(forge: ForgeServer, location: str) -> None:
    forge.failing = [(302, {"Location": location})]

    with pytest.raises(ForgeError, match="redirect_hosts are allowed") as refused:
        reached(forge).send(ARCHIVE)

    assert refused.value.is_final


def test_a_redirect_to_a_listed_host_gets_no_credentials(forge: ForgeServer) -> None:
    with forge_server("github") as other:
        other.commits = forge.commits
        forge.failing = [(302, {"Location": f"http://{other.host}{ARCHIVE.path}"})]
        with tempfile.TemporaryFile() as file:
            reached(forge, redirect_hosts=(other.host,)).unpack(ARCHIVE, file)

    assert forge.authorizations == {"Bearer t0ken"}
    assert other.authorizations == {""}


def test_a_forge_without_tls_is_not_called_one_that_cannot_be_reached(forge: ForgeServer) -> None:
    settings = ForgeSettings(
        kind="github", url=f"https://{forge.host}", secret_file="", repositories=("**",)
    )

    with pytest.raises(ForgeError) as refused:
        Transport(settings, Tokens()).send(ARCHIVE)

    assert str(refused.value) == f"{forge.host} does not use TLS: https:// cannot be used"


def test_redirects_end(forge: ForgeServer) -> None:
    forge.failing = [(302, {"Location": "/again"})] * 9

    with pytest.raises(ForgeError, match="redirects too often"):
        reached(forge).send(ARCHIVE)


@pytest.mark.parametrize("code", [307, 308])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_a_request_for_a_renamed_repository_is_repeated_as_it_is(
    forge: ForgeServer, monkeypatch: pytest.MonkeyPatch, code: int, method: str
) -> None:
    received = []
    monkeypatch.setattr(forge, "answer", lambda *asked: received.append(asked) or (201, {"id": 1}))
    forge.failing = [(code, {"Location": f"http://{forge.host}/repositories/3/statuses/a"})]

    answer = reached(forge).send(Call(method, "/repos/ml/old/statuses/a", {"state": "success"}))  # type: ignore[arg-type]

    assert json.loads(answer) == {"id": 1}
    assert received == [(method, "/repositories/3/statuses/a", {"state": "success"})]
    assert forge.authorizations == {"Bearer t0ken"}


@pytest.mark.parametrize(
    ("code", "location"),
    [
        (301, "/repositories/3/x"),
        (302, "/repositories/3/x"),
        (303, "/repositories/3/x"),
        (307, "http://listed.example/x"),
        (308, "https://{host}/x"),
        (307, "http://169.254.169.254/x"),
    ],
)
def test_a_request_that_writes_is_not_repeated_elsewhere_or_otherwise(
    forge: ForgeServer, code: int, location: str
) -> None:
    forge.failing = [(code, {"Location": location.replace("{host}", forge.host)})]

    with pytest.raises(ForgeError, match="redirects") as refused:
        reached(forge, redirect_hosts=("listed.example", forge.host)).send(Call("POST", "/x", {}))

    assert refused.value.is_final
    assert len(forge.asked) == 1


def test_a_redirect_of_a_request_that_writes_is_told(forge: ForgeServer) -> None:
    forge.failing = [(301, {"Location": "/repos/ml/new/statuses/a"})]

    with pytest.raises(ForgeError) as refused:
        reached(forge).send(Call("POST", "/repos/ml/old/statuses/a", {}))

    assert str(refused.value) == (
        f"{forge.host} redirects POST /repos/ml/old/statuses/a with 301 to 127.0.0.1; a request "
        "that writes is only repeated at the same host, for 307 and 308. The repository may have "
        "been renamed or moved"
    )


@pytest.mark.thorough
def test_an_archive_that_unpacks_to_too_much_is_refused(
    forge: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_UNPACKED", 2 * transport.MIB)
    bomb = gzip.compress(b"\0" * (64 * transport.MIB))
    monkeypatch.setattr(forge, "answer", lambda *_: (200, bomb))

    with tempfile.TemporaryFile() as file:
        with pytest.raises(ForgeError, match="2 MiB unpacked") as refused:
            reached(forge).unpack(ARCHIVE, file)
        assert file.tell() < 8 * transport.MIB

    assert refused.value.is_final


@pytest.mark.parametrize("change", [lambda data: data[:-9], lambda _: b"no gzip"])
def test_an_archive_that_is_cut_off_is_asked_for_again(
    forge: ForgeServer, monkeypatch: pytest.MonkeyPatch, change: object
) -> None:
    whole = gzip.compress(b"x" * 1000)
    monkeypatch.setattr(forge, "answer", lambda *_: (200, change(whole)))  # type: ignore[operator]

    with tempfile.TemporaryFile() as file, pytest.raises(ForgeError) as refused:
        reached(forge).unpack(ARCHIVE, file)

    assert not refused.value.is_final


def test_an_answer_that_is_too_long_is_refused(
    forge: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_ANSWER", 1000)
    monkeypatch.setattr(forge, "answer", lambda *_: (200, b"x" * 1001))

    with pytest.raises(ForgeError, match="sent more than"):
        reached(forge).send(ARCHIVE)


def test_a_slow_forge_ends_at_the_deadline(
    forge: ForgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    released = threading.Event()
    monkeypatch.setattr(transport, "API_SECONDS", 0.2)
    monkeypatch.setattr(forge, "answer", lambda *_: (released.wait(30), (200, {}))[1])

    with pytest.raises(ForgeError):
        reached(forge).send(ARCHIVE)
    released.set()


@pytest.mark.parametrize("what", ["API_SECONDS", "ARCHIVE_SECONDS"])
def test_a_body_that_never_ends_ends_at_the_deadline(
    forge: ForgeServer, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Each byte comes soon enough for the timeout of one read."""
    monkeypatch.setattr(transport, what, 0.2)
    monkeypatch.setattr(forge, "answer", lambda *_: (200, gzip.compress(bytes(range(256)) * 40)))
    forge.pause = 0.01

    reach = reached(forge)
    with tempfile.TemporaryFile() as file:
        call = (
            partial(reach.unpack, ARCHIVE, file)
            if what == "ARCHIVE_SECONDS"
            else (partial(reach.send, ARCHIVE))
        )
        with pytest.raises(ForgeError) as refused:
            call()

    assert not refused.value.is_final
    assert "t0ken" not in str(refused.value)


def test_what_does_not_exist_is_gone(forge: ForgeServer) -> None:
    with pytest.raises(Gone):
        reached(forge).send(Call("GET", "/nothing"))
