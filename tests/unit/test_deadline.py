from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from policyd import deadline
from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.deadline import Deadline
from policyd.errors import ReviewTimeout


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection, as both sides have it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(60)
        yield ours, theirs


def is_ended(connection: socket.socket) -> bool:
    """Wait for the end of what the other side sends."""
    with contextlib.suppress(ConnectionResetError):
        return connection.recv(1) == b""
    return True


def test_connections_end_at_the_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    with Deadline(0.1) as limit:
        limit.watch(pair[0])

        assert is_ended(pair[0])
        assert limit.remaining() == 0


def test_connections_end_with_the_context(pair: tuple[socket.socket, socket.socket]) -> None:
    with Deadline(60) as limit:
        limit.watch(pair[0])
    assert is_ended(pair[0])
    assert limit.remaining() == 0


def test_a_connection_that_comes_too_late_ends_at_once(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    with Deadline(60) as limit:
        pass
    limit.watch(pair[0])

    assert is_ended(pair[0])


def test_a_released_connection_goes_on(pair: tuple[socket.socket, socket.socket]) -> None:
    with Deadline(60) as limit:
        limit.watch(pair[0])
        limit.release()
    pair[1].send(b"x")

    assert pair[0].recv(1) == b"x"


def test_a_deadline_counts_down_to_zero() -> None:
    assert 0 < Deadline(60).remaining() <= 60
    assert Deadline(-1).remaining() == 0


def test_waits_outside_of_a_review_have_their_own_limit_only() -> None:
    assert (deadline.remaining(7.5), deadline.is_limited()) == (7.5, False)
    deadline.check()


def test_the_nearest_limit_is_in_force() -> None:
    with deadline.within(60):
        assert deadline.is_limited()
        assert deadline.remaining(7.5) == 7.5
        assert 50 < deadline.remaining(1000) <= 60
        with deadline.within(5):
            assert deadline.remaining(1000) <= 5
            with deadline.within(600):
                assert deadline.remaining(1000) <= 5
        assert 50 < deadline.remaining(1000) <= 60
    assert deadline.remaining(1000) == 1000


def test_a_review_without_time_is_not_started() -> None:
    with pytest.raises(ReviewTimeout) as caught, deadline.within(0):
        pytest.fail("it was started")

    assert (caught.value.status_code, caught.value.reason) == (504, "Timeout")
    assert str(caught.value) == "the review took too long; nothing was decided: try again later"


def test_a_decision_that_was_made_in_time_may_still_be_recorded() -> None:
    with deadline.within(0.01):
        time.sleep(0.02)
        with deadline.recording():
            assert 0 < deadline.remaining(60) <= deadline.RECORDING_SECONDS
        assert deadline.remaining(60) == 0
    with deadline.within(60), deadline.recording():
        assert deadline.remaining(1000) > 50
    with deadline.recording():
        assert deadline.remaining(1000) == 1000


def test_a_limit_holds_for_its_own_thread() -> None:
    seen: list[float] = []
    with deadline.within(5):
        thread = threading.Thread(target=lambda: seen.append(deadline.remaining(60)))
        thread.start()
        thread.join()
    assert seen == [60]


def test_a_connection_is_ended_while_it_is_used_too_long(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    with deadline.within(0.1), deadline.ending(pair[0]):
        assert is_ended(pair[0])


def test_a_connection_that_was_used_in_time_goes_on(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    with deadline.within(60), deadline.ending(pair[0]):
        pass
    with deadline.ending(pair[0]):
        pair[1].send(b"x")

    assert pair[0].recv(1) == b"x"


def test_loading_a_project_ends_with_the_time() -> None:
    with deadline.within(0.05):
        time.sleep(0.1)
        with pytest.raises(ReviewTimeout):
            load(memory_bundle({"compose.yaml": b"services: {web: {image: a}}"}))


def test_a_call_that_does_not_end_in_time_goes_on() -> None:
    may_end, is_ended = threading.Event(), threading.Event()

    def call() -> None:
        may_end.wait()
        is_ended.set()

    with deadline.within(0.1), pytest.raises(TimeoutError):
        deadline.in_time(call)
    may_end.set()
    is_ended.wait()


def test_a_call_of_a_watched_thread_runs_there_however_long_it_takes() -> None:
    with deadline.within(0.01), deadline.watched():
        time.sleep(0.02)
        assert deadline.in_time(threading.get_ident) == threading.get_ident()
    with deadline.within(60):
        assert deadline.in_time(threading.get_ident) != threading.get_ident()


def test_a_call_in_time_returns_and_raises_within_the_limit_of_its_caller() -> None:
    def refuse() -> None:
        raise ValueError("refused")

    with deadline.within(60):
        assert 0 < deadline.in_time(lambda: deadline.remaining(100)) <= 60
        assert deadline.in_time(threading.get_ident) != threading.get_ident()
        with pytest.raises(ValueError, match="refused"):
            deadline.in_time(refuse)
    assert deadline.in_time(threading.get_ident) == threading.get_ident()


def test_no_more_than_a_few_calls_run_at_the_same_time() -> None:
    may_end = threading.Event()
    with deadline.within(0.1):
        for _ in range(4):
            with pytest.raises(TimeoutError):
                deadline.in_time(may_end.wait)
    with deadline.within(0.1), pytest.raises(TimeoutError):
        deadline.in_time(lambda: pytest.fail("it runs"))
    may_end.set()
    with deadline.within(60):
        assert deadline.in_time(lambda: "done") == "done"
