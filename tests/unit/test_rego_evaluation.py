"""Queries: their values, and what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.bundle import memory_bundle
from policyd.errors import EngineError
from policyd.loading import load_project
from policyd.model import Review
from policyd.policies.policy_set import PolicySet, load_draft
from policyd.policies.scaffold import write_policy
from policyd.policy_input import review_input
from policyd.rego_evaluation import evaluate

COMPOSE = b"services: {web: {image: a, network_mode: MODE}}\n"


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """The Rego of the policy `named`."""
    return write_policy("named", tmp_path, "team")[0]


def document(policy_set: PolicySet, mode: bytes) -> bytes:
    bundle = memory_bundle({"compose.yaml": COMPOSE.replace(b"MODE", mode)})
    review = Review(uid="1", enforcement_point="cli", now=1)
    return review_input(load_project(bundle), review, {"named": list(policy_set.constraints)})


def test_print_is_visible(policy: Path, tmp_path: Path) -> None:
    text = policy.read_text()
    policy.write_text(text.replace("\tsome w in", '\tprint("before", c.name)\n\tsome w in'))
    policy_set = load_draft(tmp_path)

    found = evaluate(
        policy_set, document(policy_set, b"host"), "data.policyd.policies.named.violation"
    )

    assert [len(value) for value in found.values] == [1]
    assert found.printed == ("team/named/policy.rego:20: before named",)


def test_a_query_has_the_value_of_each_solution(policy: Path, tmp_path: Path) -> None:
    policy_set = load_draft(tmp_path)
    content = document(policy_set, b"host")

    assert evaluate(policy_set, content, "count(input.workloads)").values == [1]
    assert evaluate(policy_set, content, "input.nosuch").values == []
    assert evaluate(policy_set, content, "x = input.workloads[_].name").values == [{"x": "web"}]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("input.workloads[_", "the query is not valid Rego: it ends too early"),
        ("a b", "the query is not valid Rego: column 3: expecting EOF"),
    ],
)
def test_a_query_that_is_not_valid_says_so(
    policy: Path, tmp_path: Path, query: str, message: str
) -> None:
    policy_set = load_draft(tmp_path)

    with pytest.raises(EngineError) as caught:
        evaluate(policy_set, document(policy_set, b"host"), query)

    assert str(caught.value) == message
