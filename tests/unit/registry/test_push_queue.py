from __future__ import annotations

import threading

import pytest

from policyd.errors import AuditError, RegistryError
from policyd.hooks.events import Push
from policyd.registry import push_queue
from policyd.registry.push_queue import PushQueue


def push(number: int) -> Push:
    return Push(f"event-{number}", "demo/simple", "sha256:" + "a" * 64)


class Judge:
    """Remembers what it was handed, and fails as often as it is told to."""

    def __init__(self, failures: int = 0, error: type[Exception] = RegistryError) -> None:
        self.failures, self.error = failures, error
        self.judged: list[str] = []
        self.given_up: list[tuple[str, str]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def judge(self, one: Push) -> None:
        self.may_go_on.wait()
        self.judged.append(one.event_id)
        if self.failures:
            self.failures -= 1
            raise self.error("not now")

    def give_up(self, one: Push, error: Exception) -> None:
        self.given_up.append((one.event_id, str(error)))

    def queue(self) -> PushQueue:
        return PushQueue(self.judge, self.give_up)


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(push_queue, "RETRY_SECONDS", (0.0, 0.0))


def test_pushes_are_judged_in_order_and_before_it_closes():
    judge = Judge()
    queue = judge.queue()

    assert [queue.offer(push(number)) for number in range(5)] == [True] * 5
    queue.close()
    assert judge.judged == [f"event-{number}" for number in range(5)]


def test_an_event_that_is_told_again_is_judged_once():
    judge = Judge()
    queue = judge.queue()

    assert [queue.offer(push(1)), queue.offer(push(1))] == [True, True]
    queue.close()
    assert judge.judged == ["event-1"]


def test_ids_of_events_are_forgotten_in_the_end(monkeypatch):
    monkeypatch.setattr(push_queue, "MAX_REMEMBERED", 2)
    judge = Judge()
    queue = judge.queue()

    for number in (1, 2, 3, 3, 1):
        queue.offer(push(number))
    queue.close()
    assert judge.judged == ["event-1", "event-2", "event-3", "event-1"]


def test_a_full_queue_takes_nothing_and_takes_it_when_told_again(monkeypatch, until):
    monkeypatch.setattr(push_queue, "MAX_WAITING", 1)
    judge = Judge()
    judge.may_go_on.clear()
    queue = judge.queue()
    queue.offer(push(1))
    until(lambda: not queue._waiting)

    assert queue.offer(push(2)) is True
    assert queue.offer(push(3)) is False
    judge.may_go_on.set()
    until(lambda: not queue._waiting)
    assert queue.offer(push(3)) is True
    queue.close()
    assert judge.judged == ["event-1", "event-2", "event-3"]


@pytest.mark.parametrize("error", [RegistryError, AuditError])
def test_what_may_pass_is_tried_again(error, until):
    judge = Judge(failures=2, error=error)
    queue = judge.queue()

    queue.offer(push(1))
    until(lambda: len(judge.judged) == 3)
    queue.close()
    assert judge.judged == ["event-1"] * 3
    assert judge.given_up == []


def test_what_fails_every_time_is_given_up_and_the_next_one_is_judged(until):
    judge = Judge(failures=3)
    queue = judge.queue()

    queue.offer(push(1))
    queue.offer(push(2))
    until(lambda: len(judge.judged) == 4)
    queue.close()
    assert judge.judged == ["event-1"] * 3 + ["event-2"]
    assert judge.given_up == [("event-1", "not now")]


def test_closing_does_not_wait_for_the_next_try(monkeypatch, until):
    monkeypatch.setattr(push_queue, "RETRY_SECONDS", (60.0,))
    judge = Judge(failures=1)
    queue = judge.queue()

    queue.offer(push(1))
    until(lambda: bool(judge.judged))
    queue.close()
    assert judge.judged == ["event-1", "event-1"]


def test_a_closed_queue_takes_nothing():
    queue = Judge().queue()
    queue.close()

    assert queue.offer(push(1)) is False


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_one_push_and_not_the_queue():
    judge = Judge(failures=1, error=ZeroDivisionError)
    queue = judge.queue()

    queue.offer(push(1))
    thread = queue._thread
    assert thread is not None
    thread.join()
    queue.offer(push(2))
    queue.close()
    assert judge.judged == ["event-1", "event-2"]
