from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policyd.audit.pushes import Pushes
from policyd.audit.store import Store, open_store
from policyd.errors import AuditError, EngineError, Overloaded, PolicydError, RegistryError
from policyd.hooks.events import Push, PushRecord
from policyd.registry import push_queue
from policyd.registry.push_queue import PushQueue

Until = Callable[[Callable[[], bool]], None]


def push(number: int) -> Push:
    return Push(f"event-{number}", "demo/simple", "sha256:" + "a" * 64)


class Reviewer:
    """Remembers the reviews and fails as often as `failures` says, by event."""

    def __init__(self, pushes: Pushes) -> None:
        self.pushes = pushes
        self.failures: dict[str, list[Exception]] = {}
        self.reviewed: list[str] = []
        self.given_up: list[tuple[str, str]] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.waits = ""

    def review(self, one: Push) -> None:
        self.reviewed.append(one.event_id)
        if one.event_id == self.waits:
            self.may_go_on.wait()
        if failures := self.failures.get(one.event_id):
            raise failures.pop(0)

    def give_up(self, one: Push, error: PolicydError) -> None:
        self.given_up.append((one.event_id, str(error)))

    def queue(self) -> PushQueue:
        return PushQueue("hub", self.pushes, self.review, self.give_up)

    def states(self) -> dict[str, tuple[str, int, str]]:
        records = self.pushes.records(states=("waiting", "running", "done", "failed"))
        return {one.event_id: (one.state, one.attempts, one.error) for one in records}


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push_queue, "RETRY_SECONDS", (0.0, 0.0))
    monkeypatch.setattr(push_queue, "POLL_SECONDS", 0.01)


@pytest.fixture
def store(tmp_path: Path, empty_log: Path) -> Iterator[Store]:
    opened = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    yield opened
    opened.close()


@pytest.fixture
def reviewer(store: Store) -> Reviewer:
    return Reviewer(Pushes(store))


def is_done(reviewer: Reviewer, number: int) -> Callable[[], bool]:
    return lambda: [state for state, *_ in reviewer.states().values()] == ["done"] * number


def test_pushes_are_on_disk_when_they_are_accepted_and_are_then_reviewed(
    reviewer: Reviewer, until: Until
) -> None:
    reviewer.waits = "event-0"
    reviewer.may_go_on.clear()
    queue = reviewer.queue()

    assert queue.offer("hub/", [push(number) for number in range(5)])

    records = reviewer.pushes.records(states=("waiting", "running", "done"))
    assert [one.push for one in reversed(records)] == [push(number) for number in range(5)]
    assert {(one.registry, one.source) for one in records} == {("hub", "hub/demo/simple")}
    reviewer.may_go_on.set()
    until(is_done(reviewer, 5))
    queue.close()
    assert sorted(reviewer.reviewed) == [f"event-{number}" for number in range(5)]


def test_an_event_that_is_reported_again_is_reviewed_once(reviewer: Reviewer, until: Until) -> None:
    queue = reviewer.queue()

    assert queue.offer("", [push(1), push(1)])
    until(is_done(reviewer, 1))
    assert queue.offer("", [push(1), push(2)])
    until(is_done(reviewer, 2))
    queue.close()
    assert reviewer.reviewed == ["event-1", "event-2"]


def test_what_waits_at_the_end_of_a_process_is_reviewed_by_the_next(
    reviewer: Reviewer, until: Until
) -> None:
    closed = reviewer.queue()
    reviewer.pushes.add("hub", "", [push(1), push(2)], time.time_ns())
    closed.close()
    assert reviewer.reviewed == []

    queue = reviewer.queue()
    queue.start()
    until(is_done(reviewer, 2))
    queue.close()
    assert sorted(reviewer.reviewed) == ["event-1", "event-2"]


def test_a_push_whose_process_was_killed_is_reviewed_when_its_claim_ends(
    reviewer: Reviewer, until: Until
) -> None:
    now = time.time_ns()
    reviewer.pushes.add("hub", "", [push(1), push(2)], now)
    assert len(reviewer.pushes.claim("hub", 1, now, until=now + 1)) == 1

    queue = reviewer.queue()
    queue.start()
    until(is_done(reviewer, 2))
    queue.close()
    assert sorted(reviewer.reviewed) == ["event-1", "event-2"]
    assert reviewer.states() == {"event-1": ("done", 2, ""), "event-2": ("done", 1, "")}


def test_the_claim_on_a_long_review_is_renewed(
    reviewer: Reviewer, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_queue, "RENEW_SECONDS", 0.0)
    reviewer.waits = "event-1"
    reviewer.may_go_on.clear()
    queue = reviewer.queue()
    queue.offer("", [push(1)])
    until(lambda: bool(reviewer.reviewed))

    def due() -> str:
        return reviewer.pushes.records()[0].due

    claimed = due()
    until(lambda: due() > claimed)
    reviewer.may_go_on.set()
    until(is_done(reviewer, 1))
    queue.close()
    assert reviewer.reviewed == ["event-1"]


@pytest.mark.thorough
@pytest.mark.parametrize("error", [RegistryError, AuditError, EngineError, Overloaded])
def test_a_failure_that_may_pass_is_repeated(
    error: type[PolicydError], reviewer: Reviewer, until: Until
) -> None:
    reviewer.failures = {"event-1": [error("not now"), error("not now")]}
    queue = reviewer.queue()

    queue.offer("", [push(1)])
    until(is_done(reviewer, 1))
    queue.close()
    assert reviewer.reviewed == ["event-1"] * 3
    assert reviewer.states() == {"event-1": ("done", 3, "")}
    assert reviewer.given_up == []


def test_a_push_that_fails_every_time_is_kept_as_failed(reviewer: Reviewer, until: Until) -> None:
    reviewer.failures = {"event-1": [RegistryError(f"failure {n}") for n in (1, 2, 3)]}
    queue = reviewer.queue()

    queue.offer("", [push(1)])
    until(lambda: reviewer.states()["event-1"][0] == "failed")
    assert reviewer.states() == {"event-1": ("failed", 3, "failure 3")}
    assert reviewer.given_up == [("event-1", "failure 3")]

    assert reviewer.pushes.retry(time.time_ns(), registry=None, event_ids=()) == 1
    until(is_done(reviewer, 1))
    queue.close()
    assert reviewer.reviewed == ["event-1"] * 4
    assert reviewer.states() == {"event-1": ("done", 1, "")}


def test_a_push_that_waits_for_its_next_attempt_holds_up_none(
    reviewer: Reviewer, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_queue, "RETRY_SECONDS", (3600.0,))
    reviewer.failures = {"event-1": [RegistryError("not now")]}
    queue = reviewer.queue()

    queue.offer("", [push(1)])
    until(lambda: reviewer.states()["event-1"] == ("waiting", 1, "not now"))
    queue.offer("", [push(2)])
    until(lambda: reviewer.states()["event-2"][0] == "done")
    queue.close()
    assert reviewer.reviewed == ["event-1", "event-2"]
    (waiting,) = reviewer.pushes.records()
    assert waiting.due > waiting.received


def test_a_push_that_hangs_holds_up_none(reviewer: Reviewer, until: Until) -> None:
    reviewer.waits = "event-1"
    reviewer.may_go_on.clear()
    queue = reviewer.queue()

    queue.offer("", [push(1), push(2), push(3)])
    until(lambda: [state for state, *_ in reviewer.states().values()].count("done") == 2)
    assert reviewer.states()["event-1"] == ("running", 1, "")
    reviewer.may_go_on.set()
    until(is_done(reviewer, 3))
    queue.close()


def test_a_push_that_ends_its_process_each_time_is_kept_as_failed(
    reviewer: Reviewer, until: Until
) -> None:
    reviewer.pushes.add("hub", "", [push(1)], 0)
    for moment in (1, 2, 3):
        assert len(reviewer.pushes.claim("hub", 1, moment, until=moment)) == 1

    queue = reviewer.queue()
    queue.start()
    until(lambda: reviewer.states()["event-1"][0] == "failed")
    queue.close()
    reason = "the process ended during each attempt to review the push"
    assert reviewer.given_up == [("event-1", reason)]
    assert reviewer.reviewed == []


def test_an_unexpected_error_is_repeated_too(reviewer: Reviewer, until: Until) -> None:
    reviewer.failures = {"event-1": [ZeroDivisionError()] * 3}
    queue = reviewer.queue()

    queue.offer("", [push(1), push(2)])
    until(lambda: reviewer.states()["event-1"][0] == "failed")
    queue.close()
    assert reviewer.given_up == [("event-1", "internal error; see the log")]
    assert reviewer.states()["event-2"][0] == "done"


def test_a_closed_queue_accepts_nothing(reviewer: Reviewer) -> None:
    queue = reviewer.queue()
    queue.close()
    queue.start()

    assert queue.offer("", [push(1)]) is False
    assert reviewer.states() == {}


def test_the_errors_of_the_database_end_no_queue(
    reviewer: Reviewer, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [AuditError("gone")] * 2
    claim = reviewer.pushes.claim

    def unreliable(*arguments: object) -> list[PushRecord]:
        if failing:
            raise failing.pop()
        return claim(*arguments)

    monkeypatch.setattr(reviewer.pushes, "claim", unreliable)
    queue = reviewer.queue()

    queue.offer("", [push(1)])
    until(is_done(reviewer, 1))
    queue.close()
    assert (failing, reviewer.reviewed) == ([], ["event-1"])
