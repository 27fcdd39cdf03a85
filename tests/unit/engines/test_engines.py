"""The contract of engines, for each one in the dict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import msgspec
import pytest

from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.engines import EMPTY_INPUT, ENGINES, Engine, EngineOptions
from policyd.loading import load_project
from policyd.model import Findings, Review
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.policy_input import review_input
from tests.support.opa_stand_in import opa_stand_in

REVIEW = Review(uid="r", enforcement_point="ci", now=1)
PRIVILEGED = b"services:\n  web:\n    image: nginx\n    privileged: true\n"


@pytest.fixture(scope="module")
def policy_set() -> PolicySet:
    return load_policy_set()


@pytest.fixture(scope="module", params=sorted(ENGINES))
def engine(request: pytest.FixtureRequest, policy_set: PolicySet) -> Iterator[Engine]:
    with opa_stand_in(policy_set) as url:
        options = EngineOptions(url="" if request.param == "embedded" else url)
        made = ENGINES[request.param].create(policy_set, options)
        assert made.name == request.param
        yield made
        made.close()


def test_an_empty_input_has_no_findings(engine: Engine) -> None:
    assert engine.findings(EMPTY_INPUT) == Findings(())


def test_findings_name_policy_service_and_path(engine: Engine, policy_set: PolicySet) -> None:
    loaded = load_project(memory_bundle({"compose.yaml": PRIVILEGED}))
    applicability = Applicability(Governance(policy_set.constraints), REVIEW, loaded.project.name)

    found = engine.findings(review_input(loaded, REVIEW, applicability.by_policy))

    assert [(one.policy, one.service, one.path) for one in found.findings] == [
        ("no-privileged", "web", ("services", "web", "privileged"))
    ]


def test_an_engine_may_be_closed_twice_and_starts_again(engine: Engine) -> None:
    engine.close()
    engine.close()

    assert engine.findings(EMPTY_INPUT) == Findings(())


def test_the_setting_offers_each_engine() -> None:
    (field,) = (field for field in msgspec.structs.fields(Settings) if field.name == "engine")
    choices = get_args(get_args(field.type)[0])

    assert sorted(choices) == sorted(ENGINES)
