"""A worker's part: newer rules for the next review, the old ones for those under way."""

from __future__ import annotations

import os
import threading
from functools import partial

import msgspec
import pytest

from policyd.bootstrap import admission_for
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.errors import OtherRevision
from policyd.loading import prepare
from policyd.model import Findings, Review
from policyd.policies.policy_set import load_policy_set
from policyd.services import LoadStatus, Services
from policyd.serving import publication
from policyd.serving.follower import Follower
from policyd.serving.publication import Published, publish

BUNDLE = memory_bundle({"compose.yaml": b"services:\n  web:\n    image: nginx\n"})
REVIEW = Review(uid="u-1", enforcement_point="webhook", now=0)


@pytest.fixture(scope="module")
def policy_set():
    return load_policy_set()


@pytest.fixture
def put(tmp_path, policy_set):
    """A function that publishes the policy set as the revision so called."""

    def publish_it(revision: str, problem: str = "") -> None:
        changed = msgspec.structs.replace(policy_set, revision=revision)
        publish(tmp_path, Published(changed, LoadStatus(problem=problem)))

    publish_it("one")
    return publish_it


@pytest.fixture
def follower(put, tmp_path):
    made = Follower(tmp_path, partial(admission_for, settings=Settings()))
    yield made
    for admission in made.admissions():
        admission.engine.close()


def test_the_next_review_is_judged_by_what_was_published_last(follower, put):
    services = Services(Settings(), follower, None)
    assert services.decide(BUNDLE, REVIEW).policy_set.revision == "one"

    put("two")

    assert services.policy_set.revision == "two"
    decision = services.decide(BUNDLE, REVIEW)
    assert (decision.allowed, decision.policy_set.revision) == (True, "two")


def test_a_review_under_way_ends_with_the_rules_that_it_began_with(follower, put):
    (admission,) = follower.admissions()
    put("two")
    assert follower.admissions()[0] is not admission

    decision = admission.decide(prepare(BUNDLE), REVIEW)

    assert (decision.allowed, decision.policy_set.revision) == (True, "one")


def test_the_engine_of_the_old_rules_ends_with_the_last_review_by_them(follower, put):
    before = set(threading.enumerate())
    (admission,) = follower.admissions()
    put("two")
    follower.admissions()
    admission.decide(prepare(BUNDLE), REVIEW)
    (thread,) = set(threading.enumerate()) - before

    del admission
    thread.join()

    assert not thread.is_alive()


def test_a_status_is_followed_and_the_engine_stays(follower, put):
    before = follower.admissions()

    put("one", problem="acme.yaml:1:1: it is wrong")

    assert follower.status().problem == "acme.yaml:1:1: it is wrong"
    assert follower.admissions() is before


def test_many_threads_change_to_new_rules_once(put, tmp_path):
    made = []

    def make(policy_set):
        made.append(policy_set.revision)
        return admission_for(policy_set, Settings())

    follower = Follower(tmp_path, make)
    put("two")
    threads = [threading.Thread(target=follower.admissions) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == ["one", "two"]


def test_what_is_published_no_longer_stays_in_force(follower, tmp_path):
    before = follower.admissions()
    (tmp_path / publication.FILE).unlink()

    assert follower.admissions() == before
    assert follower.status().problem == ""


def test_without_anything_published_there_is_nothing_to_follow(tmp_path):
    with pytest.raises(FileNotFoundError):
        Follower(tmp_path, partial(admission_for, settings=Settings()))


class Fleet:
    """An engine, as an OPA server is one, that holds the revision `held`."""

    name = "opa"
    held = "one"

    def __init__(self, revision: str) -> None:
        self.revision = revision

    def findings(self, review_input: bytes) -> Findings:
        if self.revision != Fleet.held:
            raise OtherRevision(f"it holds {Fleet.held}, the policy set in force is not that")
        return Findings(())

    def close(self) -> None:
        pass


@pytest.fixture
def fleet(put, tmp_path, monkeypatch):
    """Services whose engine follows when told to."""
    monkeypatch.setattr(Fleet, "held", "one")

    def make(policy_set):
        admission = admission_for(policy_set, Settings())
        admission.engine = Fleet(policy_set.revision)
        return admission

    return Services(Settings(), Follower(tmp_path, make, keep=3), None)


def test_until_an_engine_follows_the_policy_set_that_it_holds_decides(fleet, put, monkeypatch):
    for revision in ("two", "three"):
        put(revision)
        assert fleet.decide(BUNDLE, REVIEW).policy_set.revision == "one"

    monkeypatch.setattr(Fleet, "held", "three")

    assert fleet.decide(BUNDLE, REVIEW).policy_set.revision == "three"


def test_an_engine_that_follows_while_it_is_asked_is_asked_again(fleet, put, monkeypatch):
    put("two")
    older = fleet.rules.admissions()[1]

    def follow(review_input: bytes) -> Findings:
        monkeypatch.setattr(Fleet, "held", "two")
        return Fleet.findings(older.engine, review_input)

    monkeypatch.setattr(older.engine, "findings", follow)

    assert fleet.decide(BUNDLE, REVIEW).policy_set.revision == "two"


def test_an_engine_that_holds_none_of_the_last_policy_sets_is_a_denial(fleet, put):
    for revision in ("two", "three", "four"):
        put(revision)
        decision = fleet.decide(BUNDLE, REVIEW)

    assert (decision.allowed, decision.status.code) == (False, 503)
    assert decision.status.message == "it holds one, the policy set in force is not that"
    assert decision.policy_set.revision == "four"
    assert decision.project != ""


def test_a_publication_of_another_user_is_not_followed(put, follower, monkeypatch, tmp_path):
    """Somebody else can create the folder anew once a cleaner has removed ours."""
    put("two")
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    (held,) = follower.admissions()

    assert held.policy_set.revision == "one"
    with pytest.raises(FileNotFoundError):
        publication.read(tmp_path)
