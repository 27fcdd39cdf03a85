from __future__ import annotations

import contextlib
import http.client
import os
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from policyd import deadline
from policyd.errors import ConfigError
from policyd.host.plugin_server import MAX_LINE, MAX_REQUEST, Late, PluginServer, Turn
from tests.support.cases import cases


class Client(http.client.HTTPConnection):
    """Talks to a socket as the daemon does: without a Host and without a Content-Type."""

    def __init__(self, path: str) -> None:
        super().__init__("", timeout=5)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)

    def ask(self, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        self.request("POST", path, body, headers={"Host": "", **headers})
        answer = self.getresponse()
        return answer.status, answer.read()


def received(connection: socket.socket) -> bytes:
    """Return all that arrives until the connection is closed."""
    connection.settimeout(5)
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            found += piece
    return found


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "plugins" / "policyd.sock")


@pytest.fixture
def client(path):
    server = PluginServer(path, {"/Echo": lambda body: body.upper()})
    thread = threading.Thread(target=server.run)
    thread.start()
    found = Client(path)
    yield found
    found.close()
    server.shutdown()
    thread.join()


def test_requests_are_answered_on_one_connection(client, path):
    assert client.ask("/Echo", b"a") == (200, b"A")
    first = client.sock
    assert client.ask("/Other", b"b") == (404, b"")
    assert client.ask("/Echo", b"c") == (200, b"C")
    assert client.sock is first
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_request_without_a_known_length_is_refused(client):
    assert client.ask("/Echo", b"", **{"Transfer-Encoding": "chunked"})[0] == 411


def test_a_request_that_is_too_large_is_refused(client):
    assert client.ask("/Echo", b"", **{"Content-Length": str(MAX_REQUEST + 1)})[0] == 413


@cases(
    ("sent", "status"),
    [
        (b"POST /Echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"411"),
        (b"POST /Echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", b"400"),
        (b"POST /Echo HTTP/1.1\r\nContent-Length : 1\r\n\r\na", b"400"),
        (b"POST /Echo HTTP/1.1\r\nno colon\r\n\r\n", b"400"),
        (b"POST /Echo HTTP/1.1\r\n" + b"A: b\r\n" * 1, b"400"),
        (b"POST /Echo HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(101)), b"400"),
        (b"POST /Echo HTTP/1.1\r\nContent-Length: 2\r\n\r\na", b"400"),
        (b"POST /" + b"a" * MAX_LINE + b" HTTP/1.1\r\n\r\n", b"400"),
        (b"GET /Echo HTTP/1.1\r\n\r\n", b"400"),
        (b"POST /Echo HTTP/2\r\n\r\n", b"400"),
        (b"\x00\xff", b"400"),
    ],
)
def test_what_is_not_a_valid_request_ends_the_connection(client, path, sent, status):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = received(connection)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert (head[9:12], body, b"Connection: close" in head) == (status, b"", True)


def test_requests_that_arrive_in_one_piece_are_answered_in_turn(client, path):
    first = b"POST /Echo HTTP/1.1\r\nHost: \r\ncontent-length: 1\r\n\r\na"
    last = (
        b"POST /Echo HTTP/1.1\r\nExpect: 100-continue\r\nConnection: close\r\n"
        b"Content-Length:  2 \r\n\r\nbc"
    )
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(first + last + first)
        answers = received(connection).split(b"HTTP/1.1 ")

    found = [(answer[:3], answer.partition(b"\r\n\r\n")[2]) for answer in answers[1:]]
    assert found == [(b"200", b"A"), (b"100", b""), (b"200", b"BC")]


def test_a_second_server_does_not_take_the_socket_over(client, path):
    with pytest.raises(ConfigError, match=r"host\.socket: another process serves"):
        PluginServer(path, {})
    assert client.ask("/Echo", b"a") == (200, b"A")


def test_a_socket_that_nobody_serves_is_replaced(path):
    Path(path).parent.mkdir()
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    PluginServer(path, {}).server_close()

    assert stat.S_ISSOCK(os.stat(path).st_mode)


def test_a_file_in_its_place_is_left_alone(path):
    Path(path).parent.mkdir()
    Path(path).write_text("x")

    with pytest.raises(ConfigError, match="exists and is not a socket"):
        PluginServer(path, {})
    assert Path(path).read_text() == "x"


@pytest.mark.thorough
def test_the_socket_of_systemd_is_served_and_left_in_place(tmp_path):
    path = str(tmp_path / "s.sock")
    program = (
        "import os, sys\n"
        "from policyd.host.plugin_server import PluginServer\n"
        "os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid())\n"
        "PluginServer('/none', {'/Echo': bytes.upper}).handle_request()\n"
        "sys.stdin.read()\n"
    )
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        number = listening.fileno()
        command = [sys.executable, "-c", program, str(number)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=(number,))
    with contextlib.ExitStack() as stack:
        stack.callback(process.wait)
        stack.callback(process.kill)
        client = Client(path)
        stack.callback(client.close)
        assert client.ask("/Echo", b"a") == (200, b"A")
        assert process.stdin is not None
        process.stdin.close()
        client.close()
        assert process.wait() == 0
    assert os.path.exists(path)


@pytest.fixture
def slow(path):
    """A client of a server whose handler waits until the event is set, and the event."""
    may_end = threading.Event()

    def wait(body: bytes) -> bytes:
        with deadline.within(0.01):  # a disk that does not answer takes longer than any limit
            deadline.in_time(lambda: may_end.wait(10))
        return body

    late = Late(0.3, {"/Wait": b"too late", "/Echo": b"too late"})
    server = PluginServer(path, {"/Wait": wait, "/Echo": bytes.upper}, late)
    thread = threading.Thread(target=server.run)
    thread.start()
    found = Client(path)
    yield found, may_end
    may_end.set()
    found.close()
    server.shutdown()
    thread.join()
    assert server.turns == set()


def test_a_handler_that_does_not_end_in_time_is_answered_for(slow):
    client, may_end = slow

    client.request("POST", "/Wait", b"x", headers={"Host": ""})
    answer = client.getresponse()

    assert (answer.status, answer.read()) == (200, b"too late")
    assert answer.getheader("Connection") == "close"
    assert client.ask("/Echo", b"x") == (200, b"X")  # on a new connection
    may_end.set()
    assert client.ask("/Echo", b"y") == (200, b"Y")


def test_a_handler_that_ends_in_time_answers_itself(slow):
    client, may_end = slow
    may_end.set()

    assert [client.ask("/Wait", body) for body in (b"a", b"b")] == [(200, b"a"), (200, b"b")]


def test_the_right_to_answer_is_taken_once():
    one, other = socket.socketpair()
    with one, other:
        turn = Turn(one, 0.0, b"late")
        assert [turn.take(), turn.take()] == [True, False]
        turn.answer_late()
        assert received(other).endswith(b"\r\nConnection: close\r\n\r\nlate")
        turn.answer_late()  # the daemon is gone
