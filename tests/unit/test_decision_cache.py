"""Kept decisions: what they depend on, until when they hold, and that they are the same answers."""

from __future__ import annotations

import itertools
import shutil

import msgspec
import pytest

from policyd.admission import Admission
from policyd.audit.event import event_of
from policyd.audit.store import open_store
from policyd.bootstrap import decision_cache
from policyd.bundle import directory_bundle, memory_bundle
from policyd.config import ImageRegistry, Settings
from policyd.decision_cache import MAX_DECISION, DecisionCache
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import EngineError
from policyd.model import ImageConfig, Review, Source, UserInfo
from policyd.policies.exceptions import DAY
from policyd.policies.packs import built_in
from policyd.policies.policy_set import load_policy_set
from policyd.services import FixedRules, LoadStatus, Services
from tests.support import everything
from tests.support.cases import cases

NOW = 1_795_446_000_000_000_000  # 2026-11-23T15:00:00Z
GPUS = "gpus: [{count: all}]"
PROJECT = f"services:\n  web:\n    image: nginx\n    {GPUS}\n"
REVIEW = Review(
    uid="u-1",
    enforcement_point="webhook",
    now=NOW,
    operation="CREATE",
    user_info=UserInfo("alice", ("ml",)),
    source=Source("acme/shop", "main", "c0ffee", "prod", "gpu-01"),
)
FILES = {"compose.yaml": PROJECT, ".env": "TAG=1\n"}


class CountingEngine:
    """The embedded engine, with the number of its evaluations."""

    name = "embedded"

    def __init__(self, policy_set):
        self.count = 0
        self.problem = None
        self._engine = EmbeddedEngine(policy_set.modules, policy_set.data)

    def findings(self, review_input):
        self.count += 1
        if self.problem:
            raise self.problem
        return self._engine.findings(review_input)

    def close(self):
        self._engine.close()


class ChangingRules:
    def __init__(self, *admissions):
        self.all = admissions

    def admissions(self):
        return self.all

    def status(self):
        return LoadStatus()


@pytest.fixture(scope="module")
def defaults():
    return load_policy_set()


def admission_for(policy_set):
    ids = map("d-{}".format, itertools.count(1))
    return Admission(CountingEngine(policy_set), policy_set, lambda: next(ids))


def services_for(admission, size=10, store=None):
    return Services(Settings(), FixedRules(admission), store, cache=DecisionCache(size))


@pytest.fixture
def admission(defaults):
    made = admission_for(defaults)
    yield made
    made.engine.close()


def project(files=FILES, **options):
    return memory_bundle({name: text.encode() for name, text in files.items()}, **options)


def answer(decision):
    """Return everything of `decision` that does not name the request."""
    return msgspec.structs.replace(decision, uid="", decision_id="")


def policy_set_of(folder, *documents, rego=""):
    heading = "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: mine}\nspec:\n"
    packs = "packs: [gpu, own]" if rego else "packs: [gpu]"
    constraint = (
        "apiVersion: policyd/v1\nkind: Constraint\nmetadata: {name: a}\n"
        "spec: {policy: no-all-gpus, enforcementAction: deny}\n"
    )
    if rego:
        (folder / "own").mkdir()
        (folder / "own" / "policy.rego").write_text(rego)
    parts = [f"{heading}  {packs}\n", constraint, *documents]
    (folder / "policyset.yaml").write_text("---\n".join(parts))
    return load_policy_set(folder)


def exception(starts, expires):
    return (
        "apiVersion: policyd/v1\nkind: Exception\nmetadata: {name: trial}\nspec:\n"
        "  policies: [no-all-gpus]\n  match: {repositories: [acme/shop]}\n"
        f"  starts: {starts}\n  expires: {expires}\n"
        "  owner: ml\n  reason: test\n  approvedBy: sec\n"
    )


OWN = """# METADATA
# title: Own
# description: For tests.
# scope: package
# custom: {id: own-rule, severity: low, remediation: Remove it.}
package policyd.policies.own_rule

violation contains {"msg": sprintf("%s", [w.name]), "service": w.name, "path": w.path} if {
	some w in input.workloads
	READ
}
"""
OWN_CONSTRAINT = (
    "apiVersion: policyd/v1\nkind: Constraint\nmetadata: {name: own}\n"
    "spec: {policy: own-rule, enforcementAction: warn}\n"
)


def test_the_same_question_is_evaluated_once_and_answered_with_the_same(admission):
    services = services_for(admission)
    later = msgspec.structs.replace(REVIEW, uid="u-2", now=NOW + 5)

    first, second = services.decide(project(), REVIEW), services.decide(project(), later)

    assert admission.engine.count == 1
    assert (first.allowed, len(first.violations), len(first.grants)) == (False, 2, 1)
    assert answer(second) == answer(first)
    assert (second.uid, second.decision_id) == ("u-2", "d-2")


def test_each_answer_is_recorded_with_its_own_id_and_its_grants(defaults, tmp_path, empty_log):
    admission = admission_for(defaults)
    store = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))
    services = services_for(admission, store=store)
    allowed = {"compose.yaml": PROJECT.replace("count: all", "driver: nvidia, count: 1")}

    first = services.decide(project(allowed), REVIEW)
    again = msgspec.structs.replace(REVIEW, uid="u-2", now=NOW + 5)
    second = services.decide(project(allowed), again, requested_by="10.0.0.9")

    assert admission.engine.count == 1
    event = event_of(store.decision(second.decision_id))
    assert (event.result, event.input.review, event.requested_by) == (second, again, "10.0.0.9")
    assert (
        event.input.project.files == event_of(store.decision(first.decision_id)).input.project.files
    )
    assert [grant.decision_id for grant in store.grants()] == [second.decision_id]
    assert [grant.state for grant in store.grants(active=False)] == ["active", "superseded"]
    services.close()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "changed",
    [
        project({"compose.yaml": PROJECT + "    tty: true\n", ".env": "TAG=1\n"}),
        project({"compose.yaml": PROJECT, ".env": "TAG=2\n"}),
        project({"compose.yaml": PROJECT}),
        project({**FILES, "unread.txt": ""}),
        project({"compose.yml": PROJECT, ".env": "TAG=1\n"}),
        project(compose_files=["compose.yaml"]),
        project(env_files=[".env"]),
        project(environment={"TAG": "3"}),
        project(project_name="other"),
        project(profiles=None),
        project(profiles=("debug",)),
        project(root="/elsewhere"),
        project(image_configs={"nginx": ImageConfig(environment={"CUDA_VERSION": "12"})}),
    ],
)
def test_another_project_is_another_question(admission, changed):
    services = services_for(admission)
    services.decide(project(), REVIEW)

    services.decide(changed, REVIEW)

    assert admission.engine.count == 2


@pytest.mark.thorough
@pytest.mark.parametrize(
    "fields",
    [
        {"enforcement_point": "ci"},
        {"operation": "UPDATE"},
        {"operation": "CHECK"},
        {"dry_run": True},
        {"user_info": UserInfo("bob", ("ml",))},
        {"user_info": UserInfo("alice", ())},
        {"source": Source("acme/cart", "main", "c0ffee", "prod", "gpu-01")},
        {"source": Source("acme/shop", "main", "c0ffee", "test", "gpu-01")},
        {"source": Source("acme/shop", "main", "c0ffee", "prod", "gpu-02")},
    ],
)
def test_another_subject_is_another_question(admission, fields):
    services = services_for(admission)
    services.decide(project(), REVIEW)

    services.decide(project(), msgspec.structs.replace(REVIEW, **fields))

    assert admission.engine.count == 2


def test_texts_that_read_alike_together_are_different_questions(defaults):
    cache = DecisionCache(10)
    keys = [
        cache.key(defaults, project(), msgspec.structs.replace(REVIEW, source=Source(*names)))
        for names in (("ab", "", "", "c"), ("a", "", "", "bc"), ('a","b', "", "", "c"))
    ]

    assert len(set(keys)) == 3


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("read", "commit", "kept"),
    [
        ('input.review.source.commit != ""', "beef", False),
        ('input.review.source.commit != ""', "c0ffee", True),
        ('input.review.source.host != ""', "beef", True),
        ('input.review.uid != ""', "c0ffee", False),
        ("input.review.now > 0", "c0ffee", False),
        ("count(input) > 1", "c0ffee", False),
    ],
)
def test_fields_that_policies_read_count(tmp_path, read, commit, kept):
    policy_set = policy_set_of(tmp_path, OWN_CONSTRAINT, rego=OWN.replace("READ", read))
    admission = admission_for(policy_set)
    services = services_for(admission)
    services.decide(project(), REVIEW)
    source = msgspec.structs.replace(REVIEW.source, commit=commit)

    services.decide(project(), msgspec.structs.replace(REVIEW, source=source, uid="u-2"))

    assert admission.engine.count == (1 if kept else 2)
    admission.engine.close()


@pytest.mark.parametrize(
    ("starts", "expires", "times", "allowed"),
    [
        # Expires an hour later: in force, in force, expired.
        ("2026-11-01T00:00:00Z", "2026-11-23T16:00:00Z", (0, 3599, 3600), (True, True, False)),
        # Starts an hour later.
        ("2026-11-23T16:00:00Z", "2026-12-23T16:00:00Z", (0, 3599, 3600), (False, False, True)),
        # The clock goes back before the start.
        ("2026-11-23T14:00:00Z", "2026-12-23T16:00:00Z", (0, -3601), (True, False)),
    ],
)
def test_a_decision_holds_until_an_exception_begins_or_expires(
    tmp_path, starts, expires, times, allowed
):
    admission = admission_for(policy_set_of(tmp_path, exception(starts, expires)))
    services = services_for(admission)

    found = [
        services.decide(project(), msgspec.structs.replace(REVIEW, now=NOW + after * 10**9))
        for after in times
    ]

    assert [decision.allowed for decision in found] == list(allowed)
    admission.engine.close()


def test_the_days_that_an_exception_has_left_are_those_of_the_review(tmp_path):
    policy_set = policy_set_of(tmp_path, exception("2026-11-01T00:00:00Z", "2026-11-26T16:00:00Z"))
    admission = admission_for(policy_set)
    services = services_for(admission)

    def days_left(now):
        decision = services.decide(project(), msgspec.structs.replace(REVIEW, now=now))
        return decision.exempted[0].days_left

    changes = policy_set.exceptions[0].expires - 3 * DAY  # an hour after NOW
    assert [days_left(NOW), days_left(changes), days_left(changes + 1)] == [3, 3, 2]
    assert admission.engine.count == 2
    admission.engine.close()


def test_another_policy_set_or_inventory_is_another_question(defaults, admission):
    inventory = {**defaults.data["policyd"], "inventory": {"hosts": {}, "more": 1}}
    changed = msgspec.structs.replace(
        defaults, revision="sha256:other", data={**defaults.data, "policyd": inventory}
    )
    newer = admission_for(changed)
    rules = ChangingRules(admission)
    services = Services(Settings(), rules, None, cache=DecisionCache(10))
    services.decide(project(), REVIEW)

    rules.all = (newer,)
    second = services.decide(project(), REVIEW)
    rules.all = (admission,)
    third = services.decide(project(), REVIEW)

    assert (admission.engine.count, newer.engine.count) == (1, 1)
    assert second.policy_set == changed.reference
    assert third.policy_set == defaults.reference
    newer.engine.close()


def test_a_failure_is_not_kept(admission):
    services = services_for(admission)
    admission.engine.problem = EngineError("broken")
    assert services.decide(project(), REVIEW).status.code == 500

    admission.engine.problem = None

    assert services.decide(project(), REVIEW).status.code == 403
    assert admission.engine.count == 2


def test_a_project_that_compose_refuses_is_not_kept(defaults, admission):
    services = services_for(admission)
    refused = project({"compose.yaml": "services: {web: {}}\n"})

    assert services.decide(refused, REVIEW).status.code == 422

    assert services.cache.find(services.cache.key(defaults, refused, REVIEW), NOW) is None


def test_a_decision_by_a_policy_set_that_was_replaced_meanwhile_is_not_kept(defaults, admission):
    cache = DecisionCache(10)
    key = cache.key(defaults, project(), REVIEW)
    decision = services_for(admission).decide(project(), REVIEW)
    newer = msgspec.structs.replace(defaults, revision="sha256:other")

    cache.keep(key, newer, REVIEW, decision, decision, ())

    assert cache.find(key, NOW) is None


def test_files_in_a_folder_are_read_each_time(defaults, tmp_path):
    (tmp_path / "compose.yaml").write_text(PROJECT)

    assert DecisionCache(10).key(defaults, directory_bundle(str(tmp_path)), REVIEW) is None


def test_a_text_that_is_no_unicode_is_not_kept(defaults):
    bundle = project(environment={"TAG": "\udc80"})

    assert DecisionCache(10).key(defaults, bundle, REVIEW) is None


def test_the_decisions_used_last_are_kept(admission):
    services = services_for(admission, size=2)
    bundles = [project(project_name=name) for name in "abc"]
    for place in (0, 1, 0, 2):  # "b" was used least recently when "c" came
        services.decide(bundles[place], REVIEW)
    assert admission.engine.count == 3

    services.decide(bundles[0], REVIEW)
    assert admission.engine.count == 3
    services.decide(bundles[1], REVIEW)
    assert admission.engine.count == 4


@pytest.mark.thorough
def test_a_large_decision_is_not_kept(admission):
    services = services_for(admission)
    names = [f"service-{number}" for number in range(200)]
    large = project(
        {
            "compose.yaml": "services:\n"
            + "".join(f"  {name}: {{image: nginx, gpus: [{{count: all}}]}}\n" for name in names)
        }
    )

    first = services.decide(large, REVIEW)
    services.decide(large, REVIEW)

    assert len(msgspec.json.encode(first)) > MAX_DECISION
    assert admission.engine.count == 2


@cases(
    ("settings", "expected"),
    [
        (Settings(), True),
        (Settings(decision_cache=0), False),
        (Settings(engine="opa", engine_url="http://127.0.0.1:1"), False),
        (
            Settings(images="inspect", image_registries={"a": ImageRegistry(host="ghcr.io")}),
            False,
        ),
    ],
)
def test_settings_decide_whether_decisions_are_kept(settings, expected):
    assert (decision_cache(settings) is not None) is expected


@pytest.mark.slow
def test_kept_decisions_are_those_that_an_evaluation_returns(tmp_path):
    """The samples of all policies, with every policy in force."""
    policy_set = everything.policy_set(tmp_path)
    kept, fresh = admission_for(policy_set), admission_for(policy_set)
    services = services_for(kept, size=10_000)
    plain = Services(Settings(), FixedRules(fresh), None)
    samples = sorted(built_in().glob("*/*/samples/*/compose.yaml"))
    count = 0
    for sample in samples:
        files = {
            path.relative_to(sample.parent).as_posix(): path.read_bytes()
            for path in sample.parent.rglob("*")
            if path.is_file()
        }
        review = msgspec.structs.replace(REVIEW, uid=str(count))
        services.decide(memory_bundle(files), review)
        before = kept.engine.count
        again = services.decide(memory_bundle(files), review)
        count += kept.engine.count == before
        assert answer(again) == answer(plain.decide(memory_bundle(files), review)), sample
    assert count > len(samples) * 0.9  # the others are refused by Compose
    kept.engine.close()
    fresh.engine.close()


def test_a_lease_with_a_maximum_begins_anew_with_each_decision(defaults):
    first, *others = defaults.constraints
    limited = msgspec.structs.replace(first, max_lease="2d")
    admission = admission_for(msgspec.structs.replace(defaults, constraints=(limited, *others)))
    services = services_for(admission)
    text = PROJECT.replace("count: all", "driver: nvidia, count: 1")

    ends = [
        services.decide(
            project({"compose.yaml": text}), msgspec.structs.replace(REVIEW, now=now)
        ).grants[0].expires
        for now in (NOW, NOW + DAY)
    ]  # fmt: skip

    assert ends == ["2026-11-25T15:00:00.000000000Z", "2026-11-26T15:00:00.000000000Z"]
    admission.engine.close()


def test_a_decision_is_kept_until_its_grants_end(admission):
    services = services_for(admission)
    text = PROJECT.replace("count: all", "driver: nvidia, count: 1")
    leased = project({"compose.yaml": f"{text}\nx-policyd-until: 2099-01-01\n"})
    end = 4_070_908_800_000_000_000  # 2099-01-01

    answers = [
        services.decide(leased, msgspec.structs.replace(REVIEW, now=now))
        for now in (NOW, end - 1, end)
    ]

    assert [one.status.code for one in answers] == [200, 200, 422]
    assert admission.engine.count == 2
