"""Recorded decisions, evaluated again by the same and by another policy set."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from policyd.admission import Admission
from policyd.audit.event import DecisionEvent, event_of
from policyd.audit.inputs import content_of
from policyd.audit.store import Store
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.decision_cache import DecisionCache
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import NotFound
from policyd.model import Review
from policyd.policies.policy_set import load_policy_set
from policyd.recorded_input import read_project
from policyd.reevaluation import evaluate_again, input_digest
from policyd.services import FixedRules, Services
from tests.support.namedrule import HEADING, POLICY

COMPOSE = b"services: {web: {image: nginx, environment: {PASSWORD: hunter2}, command: [run]}}\n"


def admission(folder: Path, policy: str = POLICY) -> Admission:
    (folder / "rules").mkdir(parents=True)
    (folder / "policyset.yaml").write_text(HEADING)
    (folder / "rules" / "policy.rego").write_text(policy)
    policy_set = load_policy_set(folder)
    return Admission(EmbeddedEngine(policy_set.modules, policy_set.data, 60), policy_set)


@pytest.fixture
def first(tmp_path: Path) -> Iterator[Admission]:
    made = admission(tmp_path / "first")
    yield made
    made.engine.close()


@pytest.fixture
def services(first: Admission, tmp_path: Path, empty_log: Path) -> Iterator[Services]:
    from policyd.audit.store import open_store

    store = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    yield Services(Settings(), FixedRules(first), store, cache=DecisionCache(10))
    store.close()


def decided(services: Services, content: bytes = COMPOSE, uid: str = "u") -> DecisionEvent:
    review = Review(uid=uid, enforcement_point="ci", now=1, operation="CREATE")
    decision = services.decide(memory_bundle({"compose.yaml": content}), review)
    return event_of(services.audit.decision(decision.decision_id))


def project_of(store: Store, event: DecisionEvent):
    digest = input_digest(event)
    return read_project(content_of(store.database, digest), digest)


def test_the_same_policy_set_decides_the_same(services: Services, first: Admission) -> None:
    event = decided(services)

    found = evaluate_again(event, project_of(services.audit, event), first)

    assert found.changes is False
    assert (found.recorded.allowed, found.now.allowed) == (False, False)
    assert (found.recorded.revision, found.now.revision) == (first.policy_set.revision,) * 2
    assert found.masked == 3
    assert "workloads.web.environment.PASSWORD" in found.masked_paths


def test_another_policy_set_names_what_it_changes(services: Services, tmp_path: Path) -> None:
    event = decided(services)
    other = admission(tmp_path / "other", POLICY.replace('"services", "web"]', '"services"]'))

    found = evaluate_again(event, project_of(services.audit, event), other)
    other.engine.close()

    assert found.changes is True
    assert [change.path for change in found.new] == [("services",)]
    assert [change.path for change in found.gone] == [("services", "web")]
    assert found.now.revision == other.policy_set.revision


def test_a_kept_decision_names_the_input_of_the_first(services: Services) -> None:
    first, second = decided(services, uid="1"), decided(services, uid="2")

    assert first.decision_id != second.decision_id
    assert input_digest(first) == input_digest(second)


def test_a_decision_without_input_says_why(services: Services) -> None:
    broken = decided(services, b"services: {web: {}}\n")
    off = msgspec.structs.replace(services.settings, input_retention=0)
    unrecorded = decided(Services(off, services.rules, services.store))
    deleted = msgspec.structs.replace(
        broken,
        input=msgspec.structs.replace(
            broken.input,
            review=msgspec.structs.replace(broken.input.review, operation="DELETE"),
        ),
    )

    for event in (broken, unrecorded):
        with pytest.raises(NotFound, match="no input was recorded for the decision"):
            input_digest(event)
    with pytest.raises(NotFound, match="is about a DELETE, which has no input"):
        input_digest(deleted)
