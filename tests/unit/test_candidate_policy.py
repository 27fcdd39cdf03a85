"""A proposed policy is loaded in a process of its own, and leaves no file behind."""

from __future__ import annotations

import tempfile

import pytest

from policyd.candidate_policy import load_candidate
from policyd.errors import PolicySetError
from policyd.model import Location
from tests.support.namedrule import POLICY

pytestmark = pytest.mark.thorough
DATA = {"policyd": {"inventory": {"hosts": {}}}}


def test_each_policy_is_in_force_with_the_data_that_is_given(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    candidate = load_candidate(POLICY, data=DATA)

    assert candidate.name == "candidate"
    assert [*candidate.policies] == ["named"]
    (constraint,) = candidate.constraints
    assert (constraint.policy, constraint.actions) == ("named", {"default": "deny"})
    assert candidate.data == DATA
    assert [*tmp_path.iterdir()] == []


def test_a_policy_that_cannot_be_evaluated_is_refused() -> None:
    broken = POLICY.replace(
        "violation contains {", "violation contains 1 if true\n\nother contains {"
    )

    with pytest.raises(PolicySetError) as caught:
        load_candidate(broken, data=DATA)
    assert caught.value.where == Location("candidate.rego", 10, 20)


def test_a_place_in_the_constraints_is_that_of_the_text() -> None:
    constraints = (
        "apiVersion: policyd/v1\nkind: Constraint\nmetadata: {name: named}\n"
        "spec: {policy: other, enforcementAction: deny}\n"
    )

    with pytest.raises(PolicySetError) as caught:
        load_candidate(POLICY, constraints, data=DATA)
    assert caught.value.where == Location("constraints.yaml", 4, 16)


def test_a_second_policy_set_cannot_replace_the_heading() -> None:
    heading = (
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: x}\nspec: {packs: [../..]}\n"
    )

    with pytest.raises(PolicySetError, match="exactly one document of kind PolicySet, not 2"):
        load_candidate(POLICY, heading, data=DATA)


def test_a_text_without_a_policy_is_refused() -> None:
    with pytest.raises(PolicySetError) as caught:
        load_candidate("package acme.names\n\nshort := true\n", data=DATA)
    assert str(caught.value) == (
        "candidate.rego: there is no policy: write a package policyd.policies.NAME with METADATA, "
        "or rules named deny, violation or warn"
    )


def test_a_policy_that_needs_too_much_memory_is_refused_with_the_limit_and_a_way_out() -> None:
    rego = (
        "package main\n"
        "import rego.v1\n"
        'deny contains "x" if count(numbers.range(1, 100000000)) > 3\n'
    )
    with pytest.raises(PolicySetError) as refused:
        load_candidate(rego, data={})

    assert str(refused.value) == (
        "candidate.rego: loading the policy set and evaluating it on a sample project needs more "
        "than 2 GiB of memory: let its rules build smaller collections"
    )
