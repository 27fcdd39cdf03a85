from __future__ import annotations

import contextlib
import socket
import threading

import pytest
import requests

from policyd.deadline import Deadline
from policyd.timed_session import end_connections, session_until


def test_a_connection_ends_at_the_deadline_although_the_server_sends(stalling):
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n"
    with (
        Deadline(0.3) as deadline,
        session_until(deadline) as session,
        pytest.raises(requests.RequestException),
    ):
        session.get(f"http://{stalling(start)}/", timeout=600)
    assert deadline.remaining() == 0


def test_tls_that_is_never_agreed_on_ends_at_the_deadline(stalling):
    # The first bytes announce a message of 16 KiB, which then arrives byte by byte.
    host = stalling(b"\x16\x03\x03\x40\x00")

    with (
        Deadline(0.3) as deadline,
        session_until(deadline) as session,
        pytest.raises(requests.RequestException),
    ):
        session.get(f"https://{host}/", timeout=600)


@pytest.fixture
def answering_once():
    """The URL of a server that answers the first request, and drips after the second one."""

    def serve():
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            connection.recv(65536)
            while not is_over.wait(0.02):
                connection.sendall(b"H")

    is_over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        is_over.set()
        thread.join()


def test_a_connection_of_an_earlier_request_ends_at_the_deadline_of_the_next(answering_once):
    deadlines = [Deadline(600), Deadline(0.3)]
    with requests.Session() as session:
        end_connections(session, lambda: deadlines[0])
        url = answering_once
        assert session.get(url, timeout=600).text == "ok"
        deadlines.pop(0).release()

        with pytest.raises(requests.RequestException):
            session.get(url, timeout=600)
        assert deadlines[0].remaining() == 0


def test_a_name_server_that_does_not_answer_costs_no_more_than_the_deadline(silent_name_server):
    with (
        Deadline(0.2) as deadline,
        session_until(deadline) as session,
        pytest.raises(requests.ConnectionError),
    ):
        session.get("http://opa.example/", timeout=600)


def test_all_addresses_of_a_host_are_tried(monkeypatch, stalling):
    """The first address refuses connections."""
    resolve = socket.getaddrinfo
    port = int(stalling(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").rpartition(":")[2])

    def answer(host, port, *arguments, **options):
        if host == "opa.example":
            if options.get("flags"):
                raise socket.gaierror(socket.EAI_NONAME, "not an address")
            return [(0, 0, 0, "", (address, port)) for address in ("127.0.0.9", "127.0.0.1")]
        return resolve(host, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    with Deadline(60) as deadline, session_until(deadline) as session:
        assert session.get(f"http://opa.example:{port}/", timeout=60).text == "ok"
