"""Every labelled project gets exactly the grants, violations and fixes that its label names."""

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
from tests.corpus import corpus
from tests.corpus.corpus import Labelled

_ALL = corpus.read()
_VALID = [labelled for labelled in _ALL if labelled.kind != "invalid"]
_INVALID = [labelled for labelled in _ALL if labelled.kind == "invalid"]
_GOVERNANCE = {"allowed-gpus", "gpu-driver-compatible", "max-gpus"}
_KNOWN = sorted({name for labelled in _ALL for name in labelled.violations} - _GOVERNANCE)

Decide = Callable[[Labelled], Decision]


class _Deciding:
    """Decides on cases by a policy set; those without data of their own share an engine."""

    def __init__(self, policy_set: PolicySet) -> None:
        self._policy_set = policy_set
        self._shared = self._admission(policy_set)

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
    def _admission(policy_set: PolicySet) -> Admission:
        return Admission(EmbeddedEngine(policy_set.modules, policy_set.data, 60), policy_set)


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
    yield deciding.decide
    deciding.close()


def _params(cases: list[Labelled]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("labelled", cases, ids=lambda labelled: labelled.case.name)


@_params(_VALID)
def test_violations_are_those_of_the_label(decide: Decide, labelled: Labelled) -> None:
    decision = decide(labelled)

    assert decision.status.code == (403 if labelled.violations else 200), decision.status
    assert corpus.violations(decision) == labelled.violations


@_params(_VALID)
def test_grants_are_those_of_the_label(decide: Decide, labelled: Labelled) -> None:
    assert corpus.unmatched_grants(labelled, decide(labelled)) == []


@_params([labelled for labelled in _VALID if labelled.default_violations is not None])
def test_default_set_reports_what_the_label_says(
    decide_by_default: Decide, labelled: Labelled
) -> None:
    assert corpus.violations(decide_by_default(labelled)) == labelled.default_violations


@_params(_VALID)
def test_default_set_denies_a_workload_that_certainly_gets_all_devices(
    decide_by_default: Decide, labelled: Labelled
) -> None:
    decision = decide_by_default(labelled)

    takers = {
        grant.service
        for grant in decision.grants
        if (grant.devices, grant.certainty) == ("all", "certain")
    }
    assert takers - {violation.service for violation in decision.violations} == set()


@_params([labelled for labelled in _VALID if labelled.fixes])
def test_remediation_holds_the_texts_of_the_label(decide: Decide, labelled: Labelled) -> None:
    for fix in labelled.fixes:
        texts = [v.remediation for v in decide(labelled).violations if v.policy == fix["policy"]]
        assert texts
        for text in texts:
            assert [part for part in fix.get("must", ()) if part not in text] == []
            assert [part for part in fix.get("must_not", ()) if part in text] == []


@_params(_INVALID)
def test_what_compose_refuses_is_denied(decide: Decide, labelled: Labelled) -> None:
    decision = decide(labelled)

    assert (decision.allowed, decision.status.code) == (False, 422)
    assert (decision.violations, decision.grants) == ((), ())
