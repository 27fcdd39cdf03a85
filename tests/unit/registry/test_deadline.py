from __future__ import annotations

import contextlib
import socket

import pytest
import requests

from policyd.registry.deadline import Deadline


def test_a_connection_ends_at_the_deadline_although_the_server_sends(stalling):
    start = b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n"
    with (
        Deadline(0.3) as deadline,
        deadline.session() as session,
        pytest.raises(requests.RequestException),
    ):
        session.get(f"http://{stalling(start)}/", timeout=600)
    assert deadline.remaining() == 0


def test_tls_that_is_never_agreed_on_ends_at_the_deadline(stalling):
    # The first bytes announce a message of 16 KiB, which then arrives byte by byte.
    host = stalling(b"\x16\x03\x03\x40\x00")

    with (
        Deadline(0.3) as deadline,
        deadline.session() as session,
        pytest.raises(requests.RequestException),
    ):
        session.get(f"https://{host}/", timeout=600)


def test_connections_end_with_the_context(stalling):
    with Deadline(60) as deadline:
        connection = socket.create_connection(stalling(b"x").split(":"))
        deadline.watch(connection)
    with connection:
        connection.settimeout(60)
        with contextlib.suppress(ConnectionResetError):  # the server had sent more
            while connection.recv(100):
                pass
    assert deadline.remaining() == 0


def test_a_connection_that_comes_too_late_ends_at_once(stalling):
    with Deadline(60) as deadline:
        pass
    with socket.create_connection(stalling(b"x").split(":")) as connection:
        connection.settimeout(60)
        deadline.watch(connection)
        while connection.recv(100):
            pass


def test_a_deadline_counts_down_to_zero():
    assert 0 < Deadline(60).remaining() <= 60
    assert Deadline(-1).remaining() == 0
