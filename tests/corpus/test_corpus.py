"""Every labelled project gets exactly the violations and the grants that its label names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.admission import Admission
from policyd.engines.embedded import EmbeddedEngine
from policyd.loading import prepare
from policyd.model import Decision, Review
from policyd.policies.policy_set import load_policy_set
from tests.corpus import corpus
from tests.corpus.corpus import Labelled

_ALL = corpus.read()
_VALID = [labelled for labelled in _ALL if labelled.kind != "invalid"]
_INVALID = [labelled for labelled in _ALL if labelled.kind == "invalid"]
_REVIEW = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)
_HEADING = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: corpus}
spec: {packs: [gpu, container]}
"""
_CONSTRAINT = """\
---
apiVersion: policyd/v1
kind: Constraint
metadata: {{name: {0}}}
spec: {{policy: {0}, enforcementAction: deny}}
"""


@pytest.fixture(scope="module")
def admission(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admission]:
    """The policies that the labels name, at deny; others of the packs are off."""
    file: Path = tmp_path_factory.mktemp("corpus") / "policy-set.yaml"
    known = sorted({name for labelled in _ALL for name in labelled.violations})
    file.write_text(_HEADING + "".join(map(_CONSTRAINT.format, known)))
    policy_set = load_policy_set(file)
    assert len(known) == 30
    assert set(known) <= set(policy_set.policies)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data, 10)
    yield Admission(engine, policy_set)
    engine.close()


def _judge(admission: Admission, labelled: Labelled) -> Decision:
    return admission.decide(prepare(labelled.case.bundle()), _REVIEW)


def _name(labelled: Labelled) -> str:
    return labelled.case.name


@pytest.mark.parametrize("labelled", _VALID, ids=_name)
def test_violations_are_those_of_the_label(admission: Admission, labelled: Labelled) -> None:
    decision = _judge(admission, labelled)

    assert decision.status.code == (403 if labelled.violations else 200), decision.status
    assert corpus.violations(decision) == labelled.violations


@pytest.mark.parametrize("labelled", _VALID, ids=_name)
def test_grants_are_those_of_the_label(admission: Admission, labelled: Labelled) -> None:
    assert corpus.grants(_judge(admission, labelled)) == labelled.grants


@pytest.mark.parametrize("labelled", _INVALID, ids=_name)
def test_what_compose_refuses_is_denied(admission: Admission, labelled: Labelled) -> None:
    decision = _judge(admission, labelled)

    assert (decision.allowed, decision.status.code) == (False, 422)
    assert (decision.violations, decision.grants) == ((), ())
