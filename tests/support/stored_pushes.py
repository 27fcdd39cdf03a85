"""What every database promises about stored pushes. Each function of CONTRACTS takes none."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from policyd.audit.event import rfc3339
from policyd.audit.pushes import KEEP_DONE, KEEP_FAILED, Pushes
from policyd.audit.visibility import Visibility
from policyd.hooks.events import Push

Contract = Callable[[Pushes], None]
ALL: Final = ("waiting", "running", "done", "failed")


def push(number: int) -> Push:
    """Return a push with an event id of its own."""
    return Push(f"event-{number}", "demo/simple", "sha256:" + "a" * 64, "1.0", "ci")


def keep_each_event_of_a_registry_once(pushes: Pushes) -> None:
    """An event is stored once, whatever its state; another registry may have the same id."""
    assert pushes.add("hub", "hub/", [push(1), push(1), push(2)], 1)
    assert pushes.add("other", "", [push(1)], 2)
    (claimed,) = pushes.claim("hub", 1, 3, until=9)
    pushes.finish(claimed.number, 4)
    assert pushes.add("hub", "hub/", [push(1)], 5)

    found = pushes.records(states=ALL)
    assert [(one.registry, one.event_id, one.state, one.source) for one in found] == [
        ("other", "event-1", "waiting", "demo/simple"),
        ("hub", "event-2", "waiting", "hub/demo/simple"),
        ("hub", "event-1", "done", "hub/demo/simple"),
    ]
    assert found[2].push == push(1)
    assert (found[2].received, found[2].due) == (rfc3339(1), rfc3339(4))


def claim_each_push_once(pushes: Pushes) -> None:
    """Several claimers get different pushes, the ones with fewer attempts first."""
    pushes.add("hub", "", [push(number) for number in range(40)], 1)
    (first,) = pushes.claim("hub", 1, 2, until=9)
    pushes.postpone(first.number, "not now", 3)
    with ThreadPoolExecutor(4) as threads:
        claims = list(threads.map(lambda _: pushes.claim("hub", 5, 4, until=9), range(20)))

    found = [one.event_id for claim in claims for one in claim]
    assert sorted(found) == sorted(f"event-{number}" for number in range(40))
    assert pushes.claim("hub", 5, 8, until=19) == []
    assert pushes.claim("other", 5, 9, until=19) == []
    again = pushes.claim("hub", 50, 9, until=19)
    assert [(one.event_id, one.state, one.attempts) for one in (again[0], again[-1])] == [
        ("event-1", "running", 2),
        ("event-0", "running", 3),
    ]


def keep_the_state_of_each_push(pushes: Pushes) -> None:
    """A postponed push is due later, a failed one only after a retry, a done one never."""
    pushes.add("hub", "", [push(1), push(2), push(3)], 1)
    one, two, three = pushes.claim("hub", 3, 1, until=9)
    pushes.postpone(one.number, "slow", 5)
    pushes.fail(two.number, "gone", 6)
    pushes.renew([three.number], 30)

    assert [(r.event_id, r.state, r.attempts, r.error, r.due) for r in pushes.records()] == [
        ("event-3", "running", 1, "", rfc3339(30)),
        ("event-2", "failed", 1, "gone", rfc3339(6)),
        ("event-1", "waiting", 1, "slow", rfc3339(5)),
    ]
    assert [r.event_id for r in pushes.records(states=("failed",))] == ["event-2"]
    assert [r.event_id for r in pushes.records(1, before=two.number)] == ["event-1"]
    assert pushes.records(registry="other") == []
    assert pushes.records(visibility=Visibility(("demo/other", "*"))) == []
    assert len(pushes.records(visibility=Visibility(("hub/**", "demo/*")))) == 3
    assert pushes.records(visibility=Visibility(hosts=("*",))) == []
    assert pushes.claim("hub", 3, 4, until=40) == []
    assert pushes.retry(7, registry="other", event_ids=()) == 0
    assert pushes.retry(7, registry="hub", event_ids=()) == 1
    assert pushes.retry(7, registry=None, event_ids=["event-1", "event-3", "event-9"]) == 1
    assert [(r.event_id, r.attempts) for r in pushes.claim("hub", 3, 7, until=40)] == [
        ("event-1", 1),
        ("event-2", 1),
    ]
    pushes.finish(three.number, 8)
    pushes.finish(three.number, 9)
    pushes.fail(three.number, "late", 9)
    assert pushes.records(states=("done",))[0].due == rfc3339(8)


def forget_what_ended_long_ago(pushes: Pushes) -> None:
    """Done pushes are kept for a day, failed ones for 30 days, others until they end."""
    pushes.add("hub", "", [push(1), push(2), push(3)], 1)
    one, two, _ = pushes.claim("hub", 3, 1, until=9)
    pushes.finish(one.number, 2)
    pushes.fail(two.number, "gone", 3)

    def kept(now: int) -> list[str]:
        pushes.add("other", "", [push(now)], now)
        return [record.event_id for record in pushes.records(registry="hub", states=ALL)]

    assert kept(2 + KEEP_DONE) == ["event-3", "event-2", "event-1"]
    assert kept(3 + KEEP_DONE) == ["event-3", "event-2"]
    assert kept(3 + KEEP_FAILED) == ["event-3", "event-2"]
    assert kept(4 + KEEP_FAILED) == ["event-3"]


CONTRACTS: Final[tuple[Contract, ...]] = (
    keep_each_event_of_a_registry_once,
    claim_each_push_once,
    keep_the_state_of_each_push,
    forget_what_ended_long_ago,
)
