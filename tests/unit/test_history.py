"""The made-up history has what the console shows, and is recorded as the service records."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from policyd.audit.pushes import Pushes
from policyd.audit.store import open_store
from policyd.exception_list import exception_list
from policyd.policies.policy_set import load_policy_set
from tests.support.history import END, History, record
from tests.support.history_plan import plan


def test_a_plan_is_the_same_each_time_and_in_order() -> None:
    requests = plan(END, 92, 3_000)

    assert requests == plan(END, 92, 3_000)
    assert [one.time for one in requests] == sorted(one.time for one in requests)
    assert abs(len(requests) - 3_000) < 150
    assert requests[-1].time <= END
    assert requests[0].time >= END - timedelta(days=92)
    assert {one.place.host for one in requests} == {"gpu-01", "gpu-02", "gpu-03"}
    assert len({one.project.repository.partition("/")[0] for one in requests}) == 5


def test_a_small_history_has_everything_that_the_console_shows(small_history: History) -> None:
    store = open_store(small_history.audit)
    try:
        decisions = store.decisions(500)
        held = store.grants(500, now=small_history.now)
        double_booked = store.grants(500, now=small_history.now, double_booked=True)
        ended = store.grants(500, now=small_history.now, active=False)
        states = Counter(one.state for one in Pushes(store).records())
        listed = exception_list(
            load_policy_set(small_history.rules),
            store,
            now=small_history.now,
            within=7,
            unused_for=90,
        )
        report = store.verify()
    finally:
        store.close()

    assert len(decisions) == small_history.decisions
    assert report.problems == ()
    assert {"gpu-01", "gpu-02", "gpu-03"} == {one.host for one in held}
    assert any(one.expires for one in held)
    assert {one.repository for one in double_booked} == {"vision/detector", "vision/segmenter"}
    assert {"active", "superseded", "released", "revoked"} <= {one.state for one in ended}
    assert states == {"waiting": 4, "failed": 2}
    assert {one.name: (one.state, one.unused) for one in listed.items} == {
        "llm-full-node": ("expired", False),
        "speech-outage": ("expiring", False),
        "notebooks-from-docker-hub": ("expiring", False),
        "exporter-sees-processes": ("expiring", False),
        "protein-five-gpus": ("upcoming", False),
        "labelling-on-old-runtime": ("active", True),
    }


@pytest.mark.slow
def test_a_quarter_is_recorded_under_two_policy_sets(tmp_path: Path) -> None:
    history = record(tmp_path, reviews=400)
    store = open_store(history.audit)
    try:
        assert store.verify().problems == ()
        assert len(store.events(kinds=["policy-set"])) == 2
        assert len({one.revision for one in store.grants(5_000, active=False)}) == 2
    finally:
        store.close()
