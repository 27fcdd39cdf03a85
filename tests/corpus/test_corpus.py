"""Every labelled project gets exactly the grants, violations and fixes that its label names.

A test evaluates all projects that it is about, and reports those whose result is wrong by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from policyd.admission import Admission
from policyd.engines.embedded import EmbeddedEngine
from policyd.loading import prepare
from policyd.model import Decision
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.policies.relevance import Relevance
from tests.corpus import corpus
from tests.corpus.corpus import Labelled

_ALL = corpus.read()
_VALID = [labelled for labelled in _ALL if labelled.kind != "invalid"]
_INVALID = [labelled for labelled in _ALL if labelled.kind == "invalid"]
_GOVERNANCE = {"allowed-gpus", "gpu-driver-compatible", "max-gpus"}
_KNOWN = sorted({name for labelled in _ALL for name in labelled.violations} - _GOVERNANCE)

Decide = Callable[[Labelled], Decision]
Agree = Callable[[list[Labelled], Callable[[Labelled], object]], None]


class _Deciding:
    """Decides on cases by a policy set; those without data of their own share an engine."""

    def __init__(self, policy_set: PolicySet) -> None:
        self._policy_set = policy_set
        self._shared = self._admission(policy_set, Relevance(policy_set))

    def decide(self, labelled: Labelled, policy_set: PolicySet | None = None) -> Decision:
        has_data = labelled.case.options.keys() & {"hosts", "entitlements"}
        if policy_set is None and not has_data:
            return self._shared.decide(prepare(labelled.case.bundle()), labelled.review)
        own = self._admission(labelled.on_its_host(policy_set or self._policy_set))
        try:
            return own.decide(prepare(labelled.case.bundle()), labelled.review)
        finally:
            own.engine.close()

    def close(self) -> None:
        self._shared.engine.close()

    @staticmethod
    def _admission(policy_set: PolicySet, relevance: Relevance | None = None) -> Admission:
        engine = EmbeddedEngine(policy_set.modules, policy_set.data, 60)
        return Admission(engine, policy_set, relevance=relevance)


@pytest.fixture(scope="module")
def decide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Decide]:
    """Decide by the policies that the labels name, and by `extra` of the case."""
    folder = tmp_path_factory.mktemp("corpus")

    def policy_set(extra: dict[str, dict[str, object]]) -> PolicySet:
        file: Path = folder / "policy-set.yaml"
        corpus.write_policy_set(file, {**{name: {} for name in _KNOWN}, **extra})
        return load_policy_set(file)

    deciding = _Deciding(policy_set({}))

    @cache
    def decision(labelled_name: str) -> Decision:
        labelled = next(one for one in _ALL if one.case.name == labelled_name)
        extra = labelled.extra
        return deciding.decide(labelled, policy_set(extra) if extra else None)

    yield lambda labelled: decision(labelled.case.name)
    deciding.close()


@pytest.fixture(scope="module")
def decide_by_default() -> Iterator[Decide]:
    """Decide by the policy set that is in force if no other is named."""
    deciding = _Deciding(load_policy_set())
    decided: dict[str, Decision] = {}

    def decide(labelled: Labelled) -> Decision:
        if labelled.case.name not in decided:
            decided[labelled.case.name] = deciding.decide(labelled)
        return decided[labelled.case.name]

    yield decide
    deciding.close()


@pytest.fixture
def agree(record_property: Callable[[str, object], None]) -> Agree:
    """Fail if `problem` returns anything but None for a project; count those that agree."""

    def check(cases: list[Labelled], problem: Callable[[Labelled], object]) -> None:
        found = {labelled.case.name: problem(labelled) for labelled in cases}
        wrong = {name: one for name, one in found.items() if one is not None}
        record_property("agreeing projects", (len(found) - len(wrong), len(found)))
        assert not wrong, "\n".join(f"{name}: {one}" for name, one in wrong.items())

    return check


@pytest.mark.thorough
def test_violations_are_those_of_the_label(decide: Decide, agree: Agree) -> None:
    def problem(labelled: Labelled) -> object:
        decision = decide(labelled)
        expected = (403 if labelled.violations else 200, labelled.violations)
        found = (decision.status.code, corpus.violations(decision))
        return None if found == expected else (found, "expected", expected)

    agree(_VALID, problem)


def test_grants_are_those_of_the_label(decide: Decide, agree: Agree) -> None:
    agree(_VALID, lambda labelled: corpus.unmatched_grants(labelled, decide(labelled)) or None)


@pytest.mark.thorough
def test_default_set_reports_what_the_label_says(decide_by_default: Decide, agree: Agree) -> None:
    def problem(labelled: Labelled) -> object:
        found = corpus.violations(decide_by_default(labelled))
        expected = labelled.default_violations
        return None if found == expected else (found, "expected", expected)

    agree([one for one in _VALID if one.default_violations is not None], problem)


@pytest.mark.thorough
def test_default_set_denies_a_workload_that_certainly_gets_all_devices(
    decide_by_default: Decide, agree: Agree
) -> None:
    def problem(labelled: Labelled) -> object:
        decision = decide_by_default(labelled)
        takers = {
            grant.service
            for grant in decision.grants
            if (grant.devices, grant.certainty) == ("all", "certain")
        }
        return takers - {violation.service for violation in decision.violations} or None

    agree(_VALID, problem)


def test_remediation_holds_the_texts_of_the_label(decide: Decide, agree: Agree) -> None:
    def problem(labelled: Labelled) -> object:
        for fix in labelled.fixes:
            texts = [
                v.remediation for v in decide(labelled).violations if v.policy == fix["policy"]
            ]
            if not texts:
                return fix, "no remediation"
            for text in texts:
                missing = [part for part in fix.get("must", ()) if part not in text]
                forbidden = [part for part in fix.get("must_not", ()) if part in text]
                if missing or forbidden:
                    return text, "missing", missing, "forbidden", forbidden
        return None

    agree([one for one in _VALID if one.fixes], problem)


def test_what_compose_refuses_is_denied(decide: Decide, agree: Agree) -> None:
    def problem(labelled: Labelled) -> object:
        decision = decide(labelled)
        found = (decision.allowed, decision.status.code, decision.violations, decision.grants)
        return None if found == (False, 422, (), ()) else found

    agree(_INVALID, problem)
