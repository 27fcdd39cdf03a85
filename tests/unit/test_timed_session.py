from __future__ import annotations

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


def test_a_connection_of_an_earlier_request_ends_at_the_deadline_of_the_next(stalling):
    """The server answers the first request whole, and drips afterwards."""
    whole = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    deadlines = [Deadline(600), Deadline(0.3)]
    with requests.Session() as session:
        end_connections(session, lambda: deadlines[0])
        url = f"http://{stalling(whole)}/"
        assert session.get(url, timeout=600).text == "ok"
        deadlines.pop(0).release()

        with pytest.raises(requests.RequestException):
            session.get(url, timeout=600)
        assert deadlines[0].remaining() == 0
