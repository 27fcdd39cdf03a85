"""Each level is a valid policy set that denies what it should, and allows harmless projects."""

from __future__ import annotations

from functools import cache

import pytest

from policyd.admission import Admission
from policyd.engines.embedded import EmbeddedEngine
from policyd.loading import prepare
from policyd.model import Review
from policyd.policies.levels import LEVELS, level_file
from policyd.policies.packs import built_in
from policyd.policies.policy_set import PolicySet, lint_policy_set, load_policy_set
from tests.corpus import corpus
from tests.support.cases import cases

REVIEW = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)


@cache
def policy_set(level: str) -> PolicySet:
    return load_policy_set(level_file(level))


def denying(level: str) -> set[str]:
    """Return the policies by which the level can deny."""
    constraints = policy_set(level).constraints
    return {one.policy for one in constraints if one.action_at("ci") == "deny"}


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_level_is_a_policy_set_of_its_name_without_problems(level: str) -> None:
    assert policy_set(level).name == level
    assert [str(problem) for problem in lint_policy_set(level_file(level))] == []


def test_restricted_denies_whatever_baseline_denies() -> None:
    assert denying("baseline") - denying("restricted") == set()


def test_gpu_shared_host_denies_whatever_the_built_in_policy_set_denies() -> None:
    built_in_policies = {one.policy for one in load_policy_set().constraints}

    assert built_in_policies - denying("gpu-shared-host") == set()


def test_every_policy_of_the_pack_hardening_is_in_force_in_the_level_restricted() -> None:
    pack = {one.parent.name.replace("_", "-") for one in built_in().glob("hardening/*/policy.rego")}

    assert pack - {one.policy for one in policy_set("restricted").constraints} == set()


@pytest.mark.thorough
@cases(
    ("level", "expected"),
    [
        ("baseline", {"cap-similar-names": {"allowed-capabilities"}}),
        # What the alias stands for is in the inventory, and the review names no host.
        ("gpu-shared-host", {"runtime-alias-of-runc": {"no-unvetted-runtime"}}),
    ],
)
def test_harmless_projects_are_allowed(level: str, expected: dict[str, set[str]]) -> None:
    loaded = policy_set(level)
    engine = EmbeddedEngine(loaded.modules, loaded.data, 60)
    admission = Admission(engine, loaded)
    harmless = [each for each in corpus.read() if each.kind == "benign"]
    denied = {}
    for each in harmless:
        decision = admission.decide(prepare(each.case.bundle()), REVIEW)
        found = {v.policy for v in decision.violations if v.enforcement_action == "deny"}
        if found:
            denied[each.case.name] = found

    assert len(harmless) > 80
    assert denied == expected
