from __future__ import annotations

from policyd.audit.decision_counts import Count, PolicyHits, facets, policy_hits
from policyd.audit.visibility import Visibility
from tests.support.held import at
from tests.unit.audit.conftest import pair

VISION = Visibility(("vision/*",))


def fill(store):
    store.append_decision(*pair("d1", seconds=0))
    store.append_decision(
        *pair("d2", seconds=10, allowed=False, policies=("no-a", "no-b"), repository="vision/x")
    )
    store.append_decision(
        *pair("d3", seconds=20, allowed=False, policies=("no-a",), host="gpu-02", point="forge")
    )
    store.append_decision(*pair("d4", seconds=30, policies=("no-a",), environment="dev"))
    store.append_event("start", {"version": "1"}, now=0)


def test_facets_count_each_value_of_each_field(store):
    fill(store)

    found = facets(store)
    assert (found.decisions, found.is_capped) == (4, False)
    assert found.verdict == (Count("allowed", 2), Count("denied", 2))
    assert found.repository == (Count("acme/train", 3), Count("vision/x", 1))
    assert found.environment == (Count("prod", 3), Count("dev", 1))
    assert found.host == (Count("gpu-01", 3), Count("gpu-02", 1))
    assert found.username == (Count("ci-bot", 4),)
    assert found.enforcement_point == (Count("ci", 3), Count("forge", 1))
    assert found.policy == (Count("no-a", 3), Count("no-b", 1))


def test_facets_count_what_filters_select_and_the_reader_may_see(store):
    fill(store)

    assert facets(store, host="gpu-02").policy == (Count("no-a", 1),)
    assert facets(store, policy="no-b").repository == (Count("vision/x", 1),)
    assert facets(store, visibility=VISION).repository == (Count("vision/x", 1),)
    assert facets(store, visibility=Visibility(())).decisions == 0


def test_facets_of_many_decisions_count_the_newest(store):
    fill(store)

    assert (facets(store, most=4).decisions, facets(store, most=4).is_capped) == (4, False)
    found = facets(store, most=2)
    assert (found.decisions, found.is_capped) == (2, True)
    assert "vision/x" in {one.value for one in found.repository}
    assert facets(store, most=1).repository == (Count("acme/train", 2),)


def test_hits_are_counted_by_policy_and_enforcement_point(store):
    fill(store)

    found = policy_hits(store, at(0))
    assert (found.since, found.is_capped) == (at(0), False)
    assert found.items == (
        PolicyHits("no-a", "ci", 2, 1, 2, at(30)),
        PolicyHits("no-a", "forge", 1, 1, 1, at(20)),
        PolicyHits("no-b", "ci", 1, 1, 1, at(10)),
    )
    assert found.by_policy() == {"no-a": 3, "no-b": 1}
    assert found.denied_by_policy() == {"no-a": 2, "no-b": 1}


def test_hits_are_those_of_the_period_that_the_reader_may_see(store):
    fill(store)

    assert policy_hits(store, at(11), until=at(30)).by_policy() == {"no-a": 1}
    assert policy_hits(store, at(31)).items == ()
    assert policy_hits(store, at(0), visibility=VISION).by_policy() == {"no-a": 1, "no-b": 1}


def test_hits_beyond_the_limit_are_those_of_the_newest_decisions(store):
    fill(store)

    found = policy_hits(store, at(0), most=1)
    assert (found.since, found.is_capped) == (at(20), True)
    assert found.by_policy() == {"no-a": 2}
    assert not policy_hits(store, at(0), most=3).is_capped


def test_facets_of_a_limited_reader_look_at_a_bounded_number_of_decisions(store):
    store.append_decision(*pair("d0", repository="vision/x"))
    for number in range(1, 6):
        store.append_decision(*pair(f"d{number}", seconds=number))

    assert facets(store, visibility=VISION, most=2).decisions == 1
    found = facets(store, visibility=VISION, most=1)
    assert (found.decisions, found.is_capped, found.repository) == (
        1,
        True,
        (Count("vision/x", 1),),
    )
    store.append_decision(*pair("d6", seconds=6))
    found = facets(store, visibility=VISION, most=1)
    assert (found.decisions, found.is_capped, found.repository) == (0, True, ())
