from __future__ import annotations

import subprocess
import sys

import pytest

from policyd.audit.event import event_of
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.errors import AuditError, BundleError, ConfigError, NoComposeFile, PolicySetError
from policyd.model import Review
from policyd.wiring import build

REVIEW = Review(uid="u-1", enforcement_point="cli", now=0, operation="CREATE")


@pytest.fixture
def services(tmp_path):
    built = build(Settings(audit=str(tmp_path / "audit.db")))
    yield built
    built.close()


@pytest.fixture
def bundle():
    return memory_bundle({"compose.yaml": b"services:\n  web:\n    image: nginx\n"})


def test_a_decision_is_recorded_where_a_log_is_configured(services, bundle):
    decision = services.decide(bundle, REVIEW, requested_by="10.0.0.9", request_id="r-1")

    event = event_of(services.audit.decision(decision.decision_id))
    assert event.result == decision
    assert event.input.project.files == ("compose.yaml",)
    assert event.input.project.digest == bundle.files.digest()
    assert (event.requested_by, event.req_id) == ("10.0.0.9", "r-1")


def test_a_refusal_is_a_denial_and_recorded(services):
    decision = services.refuse(REVIEW, BundleError("it is too large"), request_id="r-2")

    assert (decision.allowed, decision.status.message) == (False, "it is too large")
    assert event_of(services.audit.decision(decision.decision_id)).result == decision


def test_without_a_log_a_decision_is_made_and_kept_nowhere(bundle):
    services = build(Settings())
    try:
        assert services.store is None
        assert services.decide(bundle, REVIEW).allowed is True
        with pytest.raises(ConfigError, match="no audit log is configured"):
            _ = services.audit
    finally:
        services.close()


def test_what_cannot_be_judged_is_no_decision_and_not_recorded(services):
    with pytest.raises(NoComposeFile):
        services.decide(memory_bundle({"notes.txt": b""}), REVIEW)

    assert services.audit.decisions() == []


def test_the_policy_set_is_the_one_that_settings_name(tmp_path, bundle):
    file = tmp_path / "policyset.yaml"
    file.write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: mine}\nspec: {packs: [gpu]}\n"
    )
    services = build(Settings(policy_set=str(file)))
    try:
        assert services.policy_set.name == "mine"
        assert services.decide(bundle, REVIEW).policy_set.name == "mine"
    finally:
        services.close()


def test_settings_that_cannot_be_carried_out_are_errors(tmp_path):
    with pytest.raises(PolicySetError, match="cannot be read"):
        build(Settings(policy_set=str(tmp_path / "gone.yaml")))
    with pytest.raises(AuditError, match="Is a directory"):
        build(Settings(audit=str(tmp_path)))


def test_the_time_of_a_review_is_limited_by_its_setting(tmp_path):
    services = build(Settings(review_timeout=7))

    assert services.rules.admissions()[0].engine._deadline == 7


def test_without_a_log_no_database_is_imported():
    program = (
        "import sys; from policyd.config import Settings; from policyd.wiring import build\n"
        "build(Settings()).close()\n"
        "print(sorted({'sqlalchemy', 'alembic', 'flask', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")
