from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import pytest

from policyd.audit.group_commit import GroupCommit
from policyd.deadline import within
from tests.support.cases import cases


def test_what_waits_while_a_batch_is_written_goes_into_the_next_one():
    batches: list[list[int]] = []
    first_is_writing, may_go_on = threading.Event(), threading.Event()

    def write(take: Callable[[], list[int]]) -> Sequence[int]:
        items = take()
        batches.append(sorted(items))
        if len(batches) == 1:
            first_is_writing.set()
            may_go_on.wait()
        return [item * 10 for item in items]

    group = GroupCommit(write)
    results: dict[int, int] = {}
    threads = [
        threading.Thread(target=lambda n=n: results.update({n: group.submit(n)})) for n in range(5)
    ]
    threads[0].start()
    first_is_writing.wait()
    for thread in threads[1:]:
        thread.start()
    while len(group._waiting) < 4:
        time.sleep(0.001)
    may_go_on.set()
    for thread in threads:
        thread.join()

    assert batches == [[0], [1, 2, 3, 4]]
    assert results == {0: 0, 1: 10, 2: 20, 3: 30, 4: 40}


def test_a_failed_batch_fails_for_its_own_items_only():
    def write(take: Callable[[], list[str]]) -> Sequence[str]:
        items = take()
        if "bad" in items:
            raise OSError("no space")
        return items

    group = GroupCommit(write)
    with pytest.raises(OSError, match="no space"):
        group.submit("bad")

    assert group.submit("good") == "good"


def test_what_comes_while_a_batch_waits_for_others_goes_into_it():
    batches: list[list[int]] = []
    is_waiting, may_go_on = threading.Event(), threading.Event()

    def write(take: Callable[[], list[int]]) -> Sequence[int]:
        is_waiting.set()
        may_go_on.wait()
        batches.append(take())
        return batches[-1]

    group = GroupCommit(write)
    threads = [threading.Thread(target=group.submit, args=(n,)) for n in range(3)]
    threads[0].start()
    is_waiting.wait()
    for thread in threads[1:]:
        thread.start()
    while len(group._waiting) < 3:
        time.sleep(0.001)
    may_go_on.set()
    for thread in threads:
        thread.join()

    assert [sorted(batch) for batch in batches] == [[0, 1, 2]]


def test_a_batch_that_cannot_begin_fails_for_all_that_wait():
    def write(take: Callable[[], list[str]]) -> Sequence[str]:
        raise TimeoutError("locked")

    group = GroupCommit(write)
    for item in ("a", "b"):
        with pytest.raises(TimeoutError, match="locked"):
            group.submit(item)
    assert group._waiting == []


@cases(
    ("takes", "fails", "message"),
    [
        (False, False, "locked by other writers"),
        (False, True, "locked by other writers"),
        (True, True, "did not answer in time"),
    ],
)
def test_a_thread_whose_time_ends_writes_nothing_and_fails_no_other(takes, fails, message):
    has_turn, may_go_on = threading.Event(), threading.Event()

    def write(take: Callable[[], list[str]]) -> Sequence[str]:
        if has_turn.is_set():
            return take()
        if takes:
            assert take() == ["late"]
        has_turn.set()
        may_go_on.wait()
        if fails:
            raise ConnectionError("the deadline has ended the connection")
        return take()

    group = GroupCommit(write)

    def late() -> None:
        with within(0.2), pytest.raises(TimeoutError, match=message):
            group.submit("late")

    results: list[str] = []
    threads = [
        threading.Thread(target=late),
        threading.Thread(target=lambda: results.append(group.submit("other"))),
    ]
    threads[0].start()
    has_turn.wait()
    threads[1].start()
    threads[0].join()
    while len(group._waiting) < 1:
        time.sleep(0.001)
    may_go_on.set()
    threads[1].join()

    assert results == ["other"]
    assert group._waiting == []
