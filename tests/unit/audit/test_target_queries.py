from __future__ import annotations

from policyd.audit.event import Target
from policyd.audit.target_queries import open_violation_groups, target_states
from policyd.audit.visibility import Visibility
from tests.support.held import at
from tests.unit.audit.conftest import pair


def fill(store):
    store.append_decision(
        *pair("d1", allowed=False, policies=("no-a", "no-b"), seconds=10, project="a")
    )
    store.append_decision(*pair("d2", allowed=False, policies=("no-a",), seconds=20, project="a"))
    store.append_decision(
        *pair("d3", allowed=False, policies=("no-a",), seconds=30, repository="v/x", project="x")
    )
    store.append_decision(*pair("d4", seconds=40, project="b"))
    store.append_decision(*pair("d5", seconds=50, project="b", host="gpu-02"))
    store.append_decision(*pair("d6", operation="DELETE", seconds=60, project="b", grants=()))


def test_each_target_has_its_last_decision_and_open_violations(store):
    fill(store)

    found = target_states(store)
    assert found.after is None
    assert [
        (one.repository, one.project, one.host, one.decision_id, one.allowed, one.operation)
        for one in found.items
    ] == [
        ("acme/train", "a", "gpu-01", "d2", False, "CREATE"),
        ("acme/train", "b", "gpu-01", "d6", True, "DELETE"),
        ("acme/train", "b", "gpu-02", "d5", True, "CREATE"),
        ("v/x", "x", "gpu-01", "d3", False, "CREATE"),
    ]
    first = found.items[0]
    assert (first.time, first.sequence, first.environment) == (at(20), 2, "prod")
    assert (first.enforcement_point, first.username, first.commit) == ("ci", "ci-bot", "c0ffee")
    assert (first.violations, first.denying, first.policies) == (1, 1, ("no-a",))
    assert (found.items[1].violations, found.items[1].policies) == (0, ())


def test_targets_are_filtered_and_paged(store):
    fill(store)

    def ids(**options):
        return [one.decision_id for one in target_states(store, **options).items]

    assert ids(allowed=False) == ["d2", "d3"]
    assert ids(host="gpu-02") == ["d5"]
    assert ids(repository="acme/train", project="b", environment="prod") == ["d6", "d5"]
    assert ids(visibility=Visibility(("v/*",))) == ["d3"]
    page = target_states(store, 2)
    assert page.after == Target("acme/train", "b", "prod", "gpu-01")
    assert ids(limit=2, after=page.after) == ["d5", "d3"]
    assert target_states(store, 2, after=page.after).after is None


def test_open_violations_are_grouped_by_policy_and_service(store):
    fill(store)
    store.append_decision(*pair("d7", allowed=False, policies=("no-b",), seconds=70, project="c"))

    found = open_violation_groups(store)
    assert [(one.policy, one.service, one.targets, one.repositories) for one in found] == [
        ("no-a", "", 2, 2),
        ("no-b", "", 1, 1),
    ]
    first = found[0]
    assert (first.first, first.last, first.decision_id) == (at(10), at(30), "d3")
    assert first.denies
    assert first.violation is not None
    assert (first.violation.message, first.violation.remediation) == ("no-a says no", "mend it")
    assert (found[1].first, found[1].decision_id) == (at(70), "d7")


def test_open_violations_are_those_that_the_reader_may_see(store):
    fill(store)

    (found,) = open_violation_groups(store, visibility=Visibility(("v/*",)))
    assert (found.targets, found.first, found.decision_id) == (1, at(30), "d3")
    assert open_violation_groups(store, repository="acme/train")[0].last == at(20)
    assert open_violation_groups(store, policy="no-b") == []
    assert open_violation_groups(store, denies=False) == []
