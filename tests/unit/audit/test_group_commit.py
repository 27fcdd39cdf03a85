from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from policyd.audit.group_commit import GroupCommit


def test_what_waits_while_a_batch_is_written_goes_into_the_next_one():
    batches: list[list[int]] = []
    first_is_writing, may_go_on = threading.Event(), threading.Event()

    def write(items: Sequence[int]) -> Sequence[int]:
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
    def write(items: Sequence[str]) -> Sequence[str]:
        if "bad" in items:
            raise OSError("no space")
        return items

    group = GroupCommit(write)
    with pytest.raises(OSError, match="no space"):
        group.submit("bad")

    assert group.submit("good") == "good"
