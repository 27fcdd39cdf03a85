from __future__ import annotations

import pytest
import requests

from policyd.deadline import Deadline
from policyd.registry.timed_session import session_until


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
