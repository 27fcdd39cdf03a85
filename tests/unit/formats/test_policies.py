from __future__ import annotations

import json

import msgspec

from policyd.formats import catalogue
from policyd.formats.policies import (
    PolicyInSet,
    policy_json,
    policy_markdown,
    policy_text,
    set_json,
    set_markdown,
    set_text,
)
from policyd.model import Location
from policyd.policies.annotations import Author
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector
from policyd.policies.packs import Policy
from policyd.policies.parameters import Schema
from policyd.policies.policy_set import PolicySet

POLICY = Policy(
    id="max-gpus",
    title="Too many GPUs",
    description="A service\nmay have as many GPUs as its team owns.",
    severity="high",
    remediation="Ask for fewer GPUs. " + "Each word of a long sentence is kept on one line. " * 2,
    references=("NVIDIA Container Toolkit",),
    parameters={"limit": Schema("integer", "How many GPUs.", 4)},
    environment=("CUDA_VERSION",),
    pack="gpu",
    module="gpu/max_gpus/policy.rego",
    source="",
    rule="",
)
BARE = msgspec.structs.replace(
    POLICY,
    id="bare",
    remediation="Do.",
    references=(),
    parameters={},
    environment=(),
    severity="low",
)
CONSTRAINT = Constraint(
    "few", "max-gpus", {"default": "deny", "ci": "warn"}, Selector(), Selector(), {},
    Location("set.yaml", 7, 1), {"team": "ml", "tier": "1"},
)  # fmt: skip
SET = PolicySet("ours", "sha256:11", {"max-gpus": POLICY, "bare": BARE}, (CONSTRAINT,), {}, {})


def test_the_policies_of_a_set_are_rows_with_their_actions() -> None:
    assert (
        set_text(SET)
        == """\
Policy set ours, sha256:11

POLICY    SEVERITY  ACTION     PACK  REPORTS
max-gpus  high      deny,warn  gpu   Too many GPUs
bare      low       off        gpu   Too many GPUs
"""
    )


def test_owners_are_a_column_where_a_policy_has_any() -> None:
    owned = msgspec.structs.replace(
        POLICY, authors=(Author("Ada", "ada@acme.example"), Author("Bob")), organizations=("ml",)
    )
    policies = {"max-gpus": owned, "bare": BARE}

    text = set_text(msgspec.structs.replace(SET, policies=policies))

    assert text.splitlines()[2:] == [
        "POLICY    SEVERITY  ACTION     PACK  OWNERS                           REPORTS",
        "max-gpus  high      deny,warn  gpu   ml, Ada <ada@acme.example>, Bob  Too many GPUs",
        "bare      low       off        gpu                                    Too many GPUs",
    ]
    shown = PolicyInSet(owned, SET)
    assert "\nowners:      ml, Ada <ada@acme.example>, Bob\npack:" in policy_text(shown)
    assert json.loads(policy_json(shown))["authors"] == [
        {"name": "Ada", "email": "ada@acme.example"},
        {"name": "Bob", "email": ""},
    ]
    assert "\n\nOwners: ml, Ada &lt;ada@acme.example>, Bob.\n\n" in policy_markdown(shown)


def test_one_policy_is_shown_in_full_in_short_lines() -> None:
    assert (
        policy_text(PolicyInSet(POLICY, SET))
        == """\
max-gpus: Too many GPUs

A service may have as many GPUs as its team owns.

severity:    high
action:      deny,warn
constraint:  few (set.yaml:7:1) team=ml tier=1
pack:        gpu
source:      gpu/max_gpus/policy.rego
reads:       CUDA_VERSION

fix:         Ask for fewer GPUs. Each word of a long sentence is kept on one line. Each
             word of a long sentence is kept on one line.

parameters:
  limit (integer, default 4)
    How many GPUs.

references:
  NVIDIA Container Toolkit
"""
    )


def test_a_policy_without_parameters_references_and_constraints_is_short() -> None:
    assert policy_text(PolicyInSet(BARE, SET)).endswith("""\
severity:    low
action:      off
pack:        gpu
source:      gpu/max_gpus/policy.rego

fix:         Do.
""")


def test_json_has_the_constraints_with_their_places() -> None:
    one = json.loads(policy_json(PolicyInSet(POLICY, SET)))

    assert [found["location"]["line"] for found in one["constraints"]] == [7]
    assert [found["labels"] for found in one["constraints"]] == [{"team": "ml", "tier": "1"}]
    everything = json.loads(set_json(SET))
    assert (everything["kind"], everything["items"][0]) == ("PolicyList", one)


def test_markdown_is_the_catalogue() -> None:
    assert set_markdown(SET) == catalogue.markdown([POLICY, BARE])
    assert policy_markdown(PolicyInSet(BARE, SET)) == catalogue.section(BARE)
