from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd import deadline
from policyd.host.engine_client import MAX_ANSWER, EngineClient, EngineUnavailable
from tests.support.cases import cases


@contextlib.contextmanager
def answering(folder: Path, sent: bytes) -> Iterator[str]:
    """Yield the path of a socket whose first connection receives `sent`."""

    def send() -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.recv(1 << 16)
            connection.sendall(sent)

    path = folder / "answering.sock"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield str(path)
        finally:
            thread.join()
            path.unlink()


@pytest.fixture
def client(engine):
    return EngineClient(engine.path)


def test_what_the_daemon_describes_is_read(client, engine):
    engine.documents |= {
        "/containers/a/b/json": {"Id": "1"},
        "/images/acme/app@sha256:1/json": {"Id": "2"},
        "/volumes/v": {"Name": "v"},
        "/info": {"DefaultRuntime": "runc"},
        "/containers/json": [{"Id": "1"}, {"Id": "2"}],
    }

    container, image, volume = (
        client.container("a/b"),
        client.image("acme/app@sha256:1"),
        client.volume("v"),
    )

    assert container is not None
    assert image is not None
    assert volume is not None
    assert (container.text("Id"), image.text("Id"), volume.text("Name")) == ("1", "2", "v")
    assert (client.info().default_runtime, client.running({"a": "b=c"})) == ("runc", ["1", "2"])
    assert engine.asked[-1] == (
        '/containers/json?filters={"status": ["running", "paused", "restarting"], '
        '"label": ["a=b=c"]}'
    )


def test_what_is_not_there_is_none(client):
    assert (client.container("x"), client.image("x"), client.volume("x")) == (None, None, None)


def test_a_name_cannot_leave_its_place_in_the_path(client, engine):
    client.container("../info?x=")

    assert engine.asked == ["/containers/../info?x=/json"]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [("{", "the Docker daemon did not answer with JSON"), ("[]", "did not answer with an object")],
)
def test_an_answer_of_another_form_is_an_error(client, engine, sent, expected):
    engine.documents["/volumes/v"] = sent

    with pytest.raises(EngineUnavailable, match=expected):
        client.volume("v")


@cases(
    ("sent", "expected"),
    [
        (b"", "did not answer with HTTP"),
        (b"SSH-2.0-x\r\n", "did not answer with HTTP"),
        (b"HTTP/1.1 OK\r\n\r\n{}", "did not answer with HTTP"),
        (b"HTTP/1.1 500 Error\r\n\r\n{}", "answered with status 500"),
        (b'HTTP/1.0 200 OK\r\n\r\n{"Id": "1', "did not answer with JSON"),
    ],
)
def test_what_is_no_valid_answer_is_an_error(tmp_path, sent, expected):
    with pytest.raises(EngineUnavailable, match=expected), answering(tmp_path, sent) as path:
        EngineClient(path).volume("v")


def test_an_answer_that_is_too_large_is_an_error(tmp_path):
    sent = b"HTTP/1.0 200 OK\r\n\r\n" + b" " * MAX_ANSWER
    with (
        pytest.raises(EngineUnavailable, match="answered with more than 16777216 bytes"),
        answering(tmp_path, sent) as path,
    ):
        EngineClient(path).volume("v")


def test_a_daemon_that_does_not_answer_in_time_is_an_error(tmp_path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "d.sock"))
        listening.listen()
        with (
            deadline.within(0.05),
            pytest.raises(EngineUnavailable, match=r"cannot be asked at .*: no answer in time"),
        ):
            EngineClient(str(tmp_path / "d.sock")).volume("v")


def test_a_daemon_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(EngineUnavailable, match=r"cannot be asked at .*: No such file"):
        EngineClient(str(tmp_path / "none.sock")).running({})
