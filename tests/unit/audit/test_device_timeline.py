from __future__ import annotations

from policyd.audit.device_timeline import overlaps, timeline
from policyd.audit.event import GrantRecord
from policyd.audit.moments import Period
from policyd.audit.visibility import Visibility
from policyd.inventory.hosts import Gpu, Host
from tests.support.cases import cases

HOST = Host("580", "13.0", (Gpu(0, "GPU-aa"), Gpu(1, "GPU-bb")))


def at(hour: int) -> str:
    return f"2026-03-01T{hour:02}:00:00.000000000Z"


DAY = Period(at(8), at(20))


def grant(sequence: int, since: int, until: int | None, **changes) -> GrantRecord:
    """Return a grant of GPU 0 from an hour until another; None for one that is still held."""
    values = {
        "repository": "ml/train",
        "environment": "prod",
        "host": "gpu-01",
        "project": "train",
        "service": "trainer",
        "username": "ana",
        "devices": ("0",),
        "identities": ("0",),
        **changes,
    }
    return GrantRecord(
        sequence=sequence,
        position=0,
        decision_id=f"d{sequence}",
        time=at(since),
        vendor="nvidia",
        method="gpus",
        replicas=1,
        policy_set="acme",
        revision="sha256:aa",
        state="active" if until is None else "superseded",
        ended="" if until is None else at(until),
        **values,
    )


def held(*grants: GrantRecord, visibility: Visibility | None = None):
    """Return the timeline of GPU 0."""
    return timeline("gpu-01", HOST, grants, DAY, visibility or Visibility())[0]


def test_deployments_of_a_workload_that_follow_one_another_are_one_interval() -> None:
    found = held(grant(1, 6, 9), grant(2, 9, 12), grant(3, 14, None, username="ben"))

    assert [(one.start, one.end, one.is_held, one.grants) for one in found.holdings] == [
        (at(8), at(12), False, 2),
        (at(14), at(20), True, 1),
    ]
    first, last = found.holdings
    assert (first.decision_id, first.grant, first.username) == ("d2", "2.0", "ana")
    assert (last.repository, last.project, last.service) == ("ml/train", "train", "trainer")
    assert (last.decision_id, last.username) == ("d3", "ben")
    assert (found.hours, found.double_booked, found.double_booked_hours) == (10.0, (), 0.0)
    assert (found.device.device, found.device.held, found.device.grants) == ("0", True, ())


def test_a_device_is_double_booked_while_several_workloads_hold_it() -> None:
    found = held(
        grant(1, 8, 12),
        grant(2, 10, 11, service="other"),
        grant(3, 11, 13, repository="ml/else"),
        grant(4, 16, 18),
    )

    assert [(one.start, one.end) for one in found.holdings] == [
        (at(8), at(12)),
        (at(10), at(11)),
        (at(11), at(13)),
        (at(16), at(18)),
    ]
    assert found.double_booked == (Period(at(10), at(12)),)
    assert (found.hours, found.double_booked_hours) == (7.0, 2.0)


def test_a_lease_ends_an_interval_and_is_stated() -> None:
    found = held(grant(1, 9, None, expires=at(15)))

    (one,) = found.holdings
    assert (one.end, one.is_held, one.expires) == (at(15), False, at(15))


def test_a_holding_that_is_not_visible_has_no_names() -> None:
    found = held(
        grant(1, 9, 10, repository="vision/x"), grant(2, 9, 11), visibility=Visibility(("ml/*",))
    )

    hidden, shown = found.holdings
    assert (hidden.is_visible, hidden.repository, hidden.username) == (False, "", "")
    assert (hidden.project, hidden.service, hidden.decision_id, hidden.grant) == ("",) * 4
    assert (shown.is_visible, shown.repository) == (True, "ml/train")
    assert found.double_booked == (Period(at(9), at(10)),)


def test_each_device_of_the_host_has_a_timeline() -> None:
    both = grant(1, 9, 10, devices="all", identities=())
    first, second = timeline("gpu-01", HOST, [both, grant(2, 12, 13)], DAY)

    assert [one.start for one in first.holdings] == [at(9), at(12)]
    assert [one.start for one in second.holdings] == [at(9)]
    assert (second.device.uuid, second.hours) == ("GPU-bb", 1.0)


@cases(
    ("intervals", "expected"),
    [
        ([], []),
        ([(1, 2), (2, 3)], []),
        ([(1, 3), (2, 4)], [(2, 3)]),
        ([(1, 9), (2, 3), (3, 4)], [(2, 4)]),
        ([(1, 9), (2, 3), (5, 6)], [(2, 3), (5, 6)]),
        ([(1, 9), (1, 9), (1, 9)], [(1, 9)]),
        ([(1, 9), (5, 5)], []),
    ],
)
def test_overlaps_are_what_two_intervals_cover(intervals, expected) -> None:
    found = overlaps(Period(at(start), at(end)) for start, end in intervals)

    assert found == tuple(Period(at(start), at(end)) for start, end in expected)
