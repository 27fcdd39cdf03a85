from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from policyd.audit.event import event_of
from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.errors import AuditError, BundleError, ConfigError, NoComposeFile, PolicySetError
from policyd.model import Review

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


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"engine": "opa"}, "engine is opa: say with engine_url where the server is"),
        (
            {"engine_url": "http://127.0.0.1:8181"},
            "engine_url is set, and engine is embedded: set engine to opa",
        ),
        (
            {"engine": "opa", "engine_url": "https://opa", "engine_ca_file": "/gone.pem"},
            "engine_ca_file: there is no file /gone.pem",
        ),
        (
            {"engine": "opa", "engine_url": "opa:8181"},
            "engine_url: expected http(s)://HOST[:PORT], found 'opa:8181'",
        ),
    ],
)
def test_an_engine_that_cannot_be_asked_is_an_error(settings, message):
    with pytest.raises(ConfigError) as caught:
        build(Settings(**settings))

    assert str(caught.value) == message


def test_an_opa_server_that_is_not_there_is_a_denial(bundle):
    services = build(Settings(engine="opa", engine_url="http://127.0.0.1:9"))

    decision = services.decide(bundle, REVIEW)

    assert (decision.allowed, decision.engine, decision.status.code) == (False, "opa", 500)
    assert decision.status.message == "OPA at http://127.0.0.1:9: no connection"
    services.close()


class Noting:
    """Notes what it is told."""

    def __init__(self):
        self.decisions = []
        self.failures = 0

    def decided(self, review, decision, seconds):
        assert seconds > 0
        self.decisions.append((review, decision))

    def not_recorded(self):
        self.failures += 1


def test_what_is_decided_is_told_once_it_is_on_record(services, bundle):
    noting = Noting()
    observed = dataclasses.replace(services, observer=noting)

    decided = observed.decide(bundle, REVIEW)
    refused = observed.refuse(REVIEW, BundleError("it is too large"))

    assert noting.decisions == [(REVIEW, decided), (REVIEW, refused)]
    assert noting.failures == 0


def test_what_cannot_be_recorded_is_told_and_is_no_decision(services, bundle, tmp_path):
    noting = Noting()
    observed = dataclasses.replace(services, observer=noting)
    with closing(sqlite3.connect(tmp_path / "audit.db")) as other, other:
        other.execute("DROP TABLE heads")

    with pytest.raises(AuditError):
        observed.decide(bundle, REVIEW)

    assert (noting.decisions, noting.failures) == ([], 1)


def test_without_a_log_no_database_is_imported():
    program = (
        "import sys; from policyd.config import Settings; from policyd.bootstrap import build\n"
        "build(Settings()).close()\n"
        "print(sorted({'sqlalchemy', 'alembic', 'flask', 'requests'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == ("[]\n", "")
