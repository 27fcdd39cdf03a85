"""Deciding and recording: what a process does for each review."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

import msgspec
import pytest

from policyd.admission import Admission
from policyd.audit.deferred import DeferredDecisions
from policyd.audit.event import event_of
from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.errors import (
    AuditError,
    BundleError,
    ConfigError,
    NoComposeFile,
    OtherRevision,
    ReviewTimeout,
)
from policyd.model import Findings, Review
from policyd.policies.policy_set import load_policy_set
from policyd.services import LoadStatus, Services

REVIEW = Review(uid="u-1", enforcement_point="cli", now=0, operation="CREATE")


@pytest.fixture
def services(tmp_path, empty_log):
    built = build(Settings(audit=str(shutil.copy(empty_log, tmp_path / "audit.db"))))
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

    def ignored(self, failure):
        self.decisions.append(failure)


def test_what_is_decided_is_told_once_it_is_on_record(services, bundle):
    noting = Noting()
    observed = msgspec.structs.replace(services, observer=noting)

    decided = observed.decide(bundle, REVIEW)
    refused = observed.refuse(REVIEW, BundleError("it is too large"))

    assert noting.decisions == [(REVIEW, decided), (REVIEW, refused)]
    assert noting.failures == 0


def test_what_cannot_be_recorded_is_told_and_is_no_decision(services, bundle, tmp_path):
    noting = Noting()
    observed = msgspec.structs.replace(services, observer=noting)
    with closing(sqlite3.connect(tmp_path / "audit.db")) as other, other:
        other.execute("DROP TABLE heads")

    with pytest.raises(AuditError):
        observed.decide(bundle, REVIEW)

    assert (noting.decisions, noting.failures) == ([], 1)


@pytest.fixture
def deferring(services, tmp_path):
    return msgspec.structs.replace(
        services,
        observer=Noting(),
        deferred=DeferredDecisions(tmp_path / "waiting"),
    )


def test_with_ignore_a_decision_is_given_while_the_log_is_away_and_recorded_later(
    deferring, bundle, tmp_path
):
    privileged = memory_bundle(
        {"compose.yaml": b"services: {web: {image: a, privileged: true, environment: {A: s3cret}}}"}
    )
    (tmp_path / "audit.db").rename(tmp_path / "away")

    allowed = deferring.decide(bundle, REVIEW, failure_policy="Ignore")
    denied = deferring.decide(privileged, REVIEW, failure_policy="Ignore", request_id="r-2")
    with pytest.raises(AuditError):
        deferring.decide(bundle, REVIEW)

    assert (allowed.allowed, denied.allowed, denied.status.code) == (True, False, 403)
    assert allowed.warnings == (
        f"the decision is recorded later: the audit log {tmp_path / 'audit.db'} was deleted or "
        "replaced while it was open: restore the file and restart policyd",
    )
    assert deferring.observer.decisions[0] == "AuditError"
    assert deferring.observer.failures == 3
    assert not any(b"s3cret" in file.read_bytes() for file in (tmp_path / "waiting").iterdir())
    (tmp_path / "away").rename(tmp_path / "audit.db")
    assert deferring.deferred.record(deferring.audit) == 2
    event = event_of(deferring.audit.decision(denied.decision_id))
    assert (event.req_id, event.result.violations) == ("r-2", denied.violations)
    assert event.result.audit_annotations == {"deferred": "true"}


def test_with_ignore_a_full_queue_fails(deferring, bundle, tmp_path):
    full = msgspec.structs.replace(deferring, deferred=DeferredDecisions(tmp_path / "w", most=0))
    (tmp_path / "audit.db").rename(tmp_path / "away")

    with pytest.raises(AuditError, match="is full of decisions that wait"):
        full.decide(bundle, REVIEW, failure_policy="Ignore")


def test_with_ignore_a_review_that_takes_too_long_is_allowed_and_recorded(deferring):
    settings = msgspec.structs.replace(deferring.settings, review_timeout=0)
    late = msgspec.structs.replace(deferring, settings=settings)
    bundle = memory_bundle({"compose.yaml": b"services: {a: {imag: b}}"}, project_name="demo")

    decision = late.decide(bundle, REVIEW, failure_policy="Ignore")

    assert (decision.allowed, decision.project) == (True, "demo")
    assert decision.warnings[0].startswith("no policy was evaluated: the review took too long")
    assert event_of(late.audit.decision(decision.decision_id)).result == decision
    assert late.observer.decisions[0] == "ReviewTimeout"
    with pytest.raises(ReviewTimeout):
        late.decide(bundle, REVIEW)


def test_with_ignore_an_engine_with_an_unknown_policy_set_is_ignored(bundle):
    services = Services(Settings(), Kept("zero"), None)

    decision = services.decide(bundle, REVIEW, failure_policy="Ignore")

    assert (decision.allowed, decision.project) == (True, "project")
    assert decision.audit_annotations["failure"] == "OtherRevision"


class Server:
    """An engine that is a server: all of its clients see one revision, which may change."""

    name = "server"

    def __init__(self, revision: str, held: list[str]) -> None:
        """`held` is the revision that the server holds at each request, the last one repeated."""
        self.revision = revision
        self.held = held

    def findings(self, review_input: bytes) -> Findings:
        held = self.held.pop(0) if len(self.held) > 1 else self.held[0]
        if held != self.revision:
            raise OtherRevision(f"the server holds {held}, not {self.revision}")
        return Findings(())

    def close(self) -> None:
        pass


class Kept:
    """The policy sets "three", "two" and "one", the newest first."""

    def __init__(self, *held: str) -> None:
        policy_set = load_policy_set()
        server = list(held)
        self._admissions = [
            Admission(
                Server(revision, server), msgspec.structs.replace(policy_set, revision=revision)
            )
            for revision in ("three", "two", "one")
        ]

    def admissions(self):
        return self._admissions

    def status(self) -> LoadStatus:
        return LoadStatus()


class CountedFiles:
    """Files that count how often each is read."""

    def __init__(self, files) -> None:
        self._files = files
        self.reads: list[str] = []

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        return self._files.read(path)

    def __getattr__(self, name: str):
        return getattr(self._files, name)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("held", "revision"),
    [(["three"], "three"), (["one"], "one"), (["zero", "zero", "zero", "three"], "three")],
)
def test_the_newest_policy_set_that_the_engine_holds_decides(bundle, held, revision):
    decision = Services(Settings(), Kept(*held), None).decide(bundle, REVIEW)

    assert (decision.allowed, decision.policy_set.revision) == (True, revision)


def test_an_engine_that_holds_no_kept_policy_set_is_a_recorded_denial(services, bundle):
    observed = msgspec.structs.replace(services, rules=Kept("zero"))

    decision = observed.decide(bundle, REVIEW)

    assert (decision.allowed, decision.status.code) == (False, 503)
    assert decision.status.message == "the server holds zero, not three"
    assert decision.policy_set.revision == "three"
    assert (decision.project, decision.bundle_digest) == ("project", bundle.files.digest())
    assert event_of(services.audit.decision(decision.decision_id)).result == decision


def test_a_project_is_loaded_once_for_all_policy_sets(bundle):
    files = CountedFiles(bundle.files)
    once = msgspec.structs.replace(bundle, files=files)

    Services(Settings(), Kept("zero"), None).decide(once, REVIEW)

    assert files.reads.count("/project/compose.yaml") == 1


def test_an_explanation_is_by_the_policy_set_that_decided(bundle):
    services = Services(Settings(), Kept("one"), None)
    decision = services.decide(bundle, REVIEW)

    matches = services.explain(REVIEW, decision)

    constraints = services.policy_set.constraints
    assert [match.name for match in matches] == [found.name for found in constraints]
    assert all(match.applies for match in matches)


def test_an_explanation_needs_the_policy_set_that_decided(bundle):
    decision = Services(Settings(), Kept("one"), None).decide(bundle, REVIEW)
    gone = msgspec.structs.replace(
        decision, policy_set=msgspec.structs.replace(decision.policy_set, revision="zero")
    )

    with pytest.raises(ConfigError, match="the policy set was replaced after the decision"):
        Services(Settings(), Kept("one"), None).explain(REVIEW, gone)
