"""Admission, with the real loader, the real engine and policy sets as files."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policyd import compose
from policyd.admission import MAX_VIOLATIONS, Admission
from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.compose_version import COMPOSE_VERSION
from policyd.config import Settings
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import (
    EngineError,
    EngineUnavailable,
    NoComposeFile,
    OtherRevision,
    RequestError,
)
from policyd.loading import prepare
from policyd.model import (
    Bundle,
    Decision,
    Finding,
    Findings,
    Grant,
    Location,
    NotEvaluated,
    Review,
    Source,
    Status,
    UserInfo,
    Violation,
)
from policyd.policies.policy_set import PolicySet, load_policy_set

PRIVILEGED = """\
name: demo
services:
  web:
    image: nginx
    privileged: true
  train:
    image: train
    gpus: all
"""

REVIEW = Review(uid="r-1", enforcement_point="ci", now=1_800_000_000_000_000_000)


def constraint(name: str, policy: str, action: str = "deny", rest: str = "") -> str:
    return (
        "---\napiVersion: policyd/v1\nkind: Constraint\n"
        f"metadata: {{name: {name}}}\n"
        f"spec:\n  policy: {policy}\n  enforcementAction: {action}\n{rest}"
    )


@pytest.fixture
def policy_set(tmp_path: Path) -> Callable[..., PolicySet]:
    def made(*constraints: str) -> PolicySet:
        file = tmp_path / "policyset.yaml"
        file.write_text(
            "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: test}\n"
            "spec: {packs: [gpu, container]}\n" + "".join(constraints)
        )
        return load_policy_set(file)

    return made


@pytest.fixture
def decide(policy_set: Callable[..., PolicySet]) -> Iterator[Callable[..., Decision]]:
    engines: list[EmbeddedEngine] = []

    def decided(text: str, *constraints: str, review: Review = REVIEW) -> Decision:
        rules = policy_set(*constraints)
        engines.append(EmbeddedEngine(rules.modules, rules.data))
        admission = Admission(engines[-1], rules, new_id=lambda: "d-1")
        return admission.decide(prepare(bundle(text)), review)

    yield decided
    for engine in engines:
        engine.close()


def bundle(text: str, **files: str) -> Bundle:
    contents = {name: content.encode() for name, content in files.items()}
    return memory_bundle({"compose.yaml": text.encode(), **contents}, profiles=("*",))


class Answers:
    """An engine that answers one thing."""

    name = "answers"

    def __init__(self, answer: Findings | EngineError) -> None:
        self.answer = answer
        self.asked = b""

    def findings(self, review_input: bytes) -> Findings:
        self.asked = review_input
        if isinstance(self.answer, EngineError):
            raise self.answer
        return self.answer

    def close(self) -> None:
        pass


def test_denial_says_what_where_and_how_to_mend_it(decide: Callable[..., Decision]) -> None:
    decision = decide(PRIVILEGED, constraint("c", "no-privileged"))

    assert decision.allowed is False
    assert decision.status == Status(
        403, "Forbidden", "1 policy denies: no-privileged (compose.yaml:5:17)"
    )
    assert decision.violations == (
        Violation(
            policy="no-privileged",
            constraint="c",
            enforcement_action="deny",
            severity="critical",
            message="service web runs privileged, with every device of the host",
            remediation=(
                "Remove `privileged: true`, and declare a GPU that is needed as a reservation: "
                "`driver: nvidia` with `device_ids: ['0']`."
            ),
            service="web",
            path=("services", "web", "privileged"),
            location=Location("compose.yaml", 5, 17),
        ),
    )


def test_decision_names_who_decided_and_what_was_read(
    decide: Callable[..., Decision], policy_set: Callable[..., PolicySet]
) -> None:
    decision = decide(PRIVILEGED, constraint("c", "no-privileged"))

    assert (decision.uid, decision.decision_id) == ("r-1", "d-1")
    assert decision.policy_set == policy_set(constraint("c", "no-privileged")).reference
    assert decision.engine == "embedded"
    assert decision.project == "demo"
    assert decision.bundle_digest == _digest(PRIVILEGED)
    assert decision.audit_annotations == {}


def _digest(text: str) -> str:
    loaded = bundle(text)
    compose.load(loaded)
    return loaded.files.digest()


def test_several_policies_that_deny_are_named_once_in_order_of_their_places(
    decide: Callable[..., Decision],
) -> None:
    decision = decide(
        PRIVILEGED,
        constraint("a", "no-all-gpus"),
        constraint("b", "no-privileged"),
        constraint("c", "require-gpu-driver"),
        constraint("d", "no-privileged"),
    )

    assert decision.status.message == (
        "3 policies deny: no-privileged (compose.yaml:5:17), no-all-gpus (compose.yaml:8:11), "
        "require-gpu-driver (compose.yaml:8:11)"
    )
    assert [(v.policy, v.constraint) for v in decision.violations] == [
        ("no-privileged", "b"),
        ("no-privileged", "d"),
        ("no-all-gpus", "a"),
        ("require-gpu-driver", "c"),
    ]


def test_grants_are_in_every_decision(decide: Callable[..., Decision]) -> None:
    decision = decide(PRIVILEGED)

    assert decision.allowed is True
    path = ("services", "train", "gpus", 0, "count")
    known: dict[str, Any] = {"identities": (), "entitlements": (), "constraints": ()}
    assert decision.grants == (
        Grant("train", "unknown", "gpus", "all", 1, path, **known),
        Grant(
            "web",
            "unknown",
            "privileged",
            "all",
            1,
            ("services", "web", "privileged"),
            **known,
        ),
    )


@pytest.mark.parametrize(
    ("host", "by_runtime", "aliases"),
    [("", "all", {}), ("strict", None, {"0": ("gpu-aa", "gpu0")})],
)
def test_grants_are_those_on_the_host_of_the_review(
    policy_set: Callable[..., PolicySet], host: str, by_runtime: object, aliases: object
) -> None:
    rules = policy_set()
    data = copy.deepcopy(rules.data)
    data["policyd"]["inventory"]["hosts"] = {
        "strict": {
            "driver_version": "580.95.05",
            "cuda_version": "13.0",
            "gpus": [{"index": 0, "uuid": "GPU-AA"}],
            "toolkit": {"version": "1.18.0", "environment_when_unprivileged": False},
        }
    }
    text = (
        "services:\n  by-runtime: {image: x, runtime: nvidia}\n"
        "  by-request: {image: x, gpus: [{driver: nvidia, device_ids: ['0']}]}\n"
    )
    review = msgspec.structs.replace(REVIEW, source=Source(host=host))
    admission = Admission(Answers(Findings(())), msgspec.structs.replace(rules, data=data))

    decision = admission.decide(prepare(bundle(text)), review)

    granted = {grant.service: grant for grant in decision.grants}
    requested = granted.pop("by-request")
    assert (requested.devices, requested.aliases) == (("0",), aliases)
    assert [grant.devices for grant in granted.values()] == ([by_runtime] if by_runtime else [])


def test_variables_without_a_value_are_named_once_each(decide: Callable[..., Decision]) -> None:
    decision = decide("services:\n  web:\n    image: x:$TAG\n    user: $TAG$UID\n")

    reason = "the variable has no value here: it is blank, and may have any value at deployment"
    assert decision.not_evaluated == (
        NotEvaluated("variable", "${TAG}", reason, Location("compose.yaml", 3, 12)),
        NotEvaluated("variable", "${UID}", reason, Location("compose.yaml", 4, 11)),
    )


def test_policy_that_no_constraint_names_is_off(decide: Callable[..., Decision]) -> None:
    decision = decide(PRIVILEGED, constraint("c", "no-docker-socket"))

    assert decision.allowed is True
    assert decision.status == Status(200, "OK", "no policy denies")
    assert decision.violations == ()


def test_warning_allows_and_is_a_sentence(decide: Callable[..., Decision]) -> None:
    decision = decide(PRIVILEGED, constraint("c", "no-privileged", "warn"))

    assert decision.allowed is True
    assert [v.enforcement_action for v in decision.violations] == ["warn"]
    assert decision.warnings == (
        "no-privileged (compose.yaml:5:17): "
        "service web runs privileged, with every device of the host",
    )


def test_dryrun_allows_and_is_only_recorded(decide: Callable[..., Decision]) -> None:
    decision = decide(PRIVILEGED, constraint("c", "no-privileged", "dryrun"))

    assert decision.allowed is True
    assert [v.enforcement_action for v in decision.violations] == ["dryrun"]
    assert decision.warnings == ()


def test_each_matching_constraint_reports_and_the_strictest_wins(
    decide: Callable[..., Decision],
) -> None:
    decision = decide(
        PRIVILEGED,
        constraint("all", "no-privileged", "warn"),
        constraint("prod", "no-privileged", "deny", "  match: {environments: [prod]}\n"),
        review=msgspec.structs.replace(REVIEW, source=Source(environment="prod")),
    )

    assert decision.allowed is False
    assert [(v.constraint, v.enforcement_action) for v in decision.violations] == [
        ("all", "warn"),
        ("prod", "deny"),
    ]


@pytest.mark.parametrize(("point", "allowed"), [("ci", False), ("forge", True), ("cli", True)])
def test_action_may_differ_by_enforcement_point(
    decide: Callable[..., Decision], point: str, allowed: bool
) -> None:
    decision = decide(
        PRIVILEGED,
        constraint("c", "no-privileged", "{default: deny, forge: warn, cli: dryrun}"),
        review=msgspec.structs.replace(REVIEW, enforcement_point=point),
    )

    assert decision.allowed is allowed


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("rest", "allowed"),
    [
        ("  match: {repositories: ['ml/**']}\n", False),
        ("  match: {repositories: ['web/**']}\n", True),
        ("  match: {projects: [demo]}\n", False),
        ("  match: {projects: [other]}\n", True),
        ("  match: {groups: [ops]}\n", False),
        ("  match: {hosts: ['cpu-*']}\n", False),
        ("  exclude: {repositories: ['ml/**']}\n", True),
        ("  exclude: {hosts: ['**']}\n", False),
        ("  match: {repositories: ['ml/**']}\n  exclude: {users: [ada]}\n", True),
    ],
)
def test_constraint_is_for_the_reviews_that_it_matches(
    decide: Callable[..., Decision], rest: str, allowed: bool
) -> None:
    review = Review(
        uid="r",
        enforcement_point="ci",
        now=1,
        user_info=UserInfo("ada", ("ml", "ops")),
        source=Source(repository="ml/train"),
    )

    decision = decide(PRIVILEGED, constraint("c", "no-privileged", "deny", rest), review=review)

    assert decision.allowed is allowed


def test_services_in_match_narrow_the_findings(decide: Callable[..., Decision]) -> None:
    rest = "  match: {services: ['train*']}\n"

    decision = decide(
        PRIVILEGED,
        constraint("a", "no-privileged", "deny", rest),
        constraint("b", "no-all-gpus", "deny", rest),
    )

    assert [(v.policy, v.service) for v in decision.violations] == [("no-all-gpus", "train")]


EXCEPTION = """---
apiVersion: policyd/v1
kind: Exception
metadata: {name: web-needs-it}
spec:
  policies: [no-privileged]
  match: {repositories: [ml/train], services: [web]}
  expires: 2027-01-31T00:00:00Z
  owner: ml-infra
  reason: Until the driver is fixed
  approvedBy: security@acme
"""

EXPIRES = 1_801_353_600_000_000_000
TRAIN = Review(
    uid="r", enforcement_point="ci", now=EXPIRES - 1, source=Source(repository="ml/train")
)


def test_exception_in_force_sets_a_violation_aside_and_says_on_whose_word(
    decide: Callable[..., Decision],
) -> None:
    decision = decide(
        PRIVILEGED,
        constraint("c", "no-privileged"),
        EXCEPTION,
        review=msgspec.structs.replace(TRAIN, now=EXPIRES - 36 * 3600 * 1_000_000_000),
    )

    assert decision.allowed is True
    assert decision.violations == ()
    assert decision.warnings == ()
    assert decision.audit_annotations == {"exceptions": "web-needs-it"}
    (exempted,) = decision.exempted
    assert exempted.policy == "no-privileged"
    assert exempted.location == Location("compose.yaml", 5, 17)
    assert exempted.exception == "web-needs-it"
    assert exempted.owner == "ml-infra"
    assert exempted.reason == "Until the driver is fixed"
    assert exempted.approved_by == "security@acme"
    assert exempted.expires == "2027-01-31T00:00:00Z"
    assert exempted.days_left == 1
    assert exempted.break_glass is False


def test_expired_exception_counts_for_nothing_and_is_named(
    decide: Callable[..., Decision],
) -> None:
    decision = decide(
        PRIVILEGED,
        constraint("c", "no-privileged"),
        EXCEPTION,
        review=msgspec.structs.replace(TRAIN, now=EXPIRES),
    )

    assert decision.allowed is False
    assert decision.exempted == ()
    assert decision.violations[0].message == (
        "service web runs privileged, with every device of the host; "
        "the exception web-needs-it for it expired on 2027-01-31T00:00:00Z"
    )


def test_a_message_names_three_expired_exceptions_and_counts_the_others(
    policy_set: Callable[..., PolicySet],
) -> None:
    rules = policy_set(constraint("c", "no-privileged"), EXCEPTION)
    named = [msgspec.structs.replace(rules.exceptions[0], name=f"e{n}") for n in range(5)]
    rules = msgspec.structs.replace(rules, exceptions=tuple(named))
    finding = Finding("no-privileged", "m", service="web")
    review = msgspec.structs.replace(TRAIN, now=EXPIRES)

    decision = Admission(Answers(Findings((finding,))), rules).decide(
        prepare(bundle(PRIVILEGED)), review
    )

    assert decision.violations[0].message == (
        "m; the exception e0 for it expired on 2027-01-31T00:00:00Z"
        "; the exception e1 for it expired on 2027-01-31T00:00:00Z"
        "; the exception e2 for it expired on 2027-01-31T00:00:00Z"
        "; 2 more exceptions for it have expired"
    )


def test_exception_leaves_other_services_and_policies_as_they_are(
    decide: Callable[..., Decision],
) -> None:
    decision = decide(
        PRIVILEGED.replace("gpus: all", "privileged: true\n    pid: host"),
        constraint("c", "no-privileged"),
        constraint("d", "no-host-namespaces"),
        EXCEPTION,
        review=TRAIN,
    )

    assert [(v.policy, v.service) for v in decision.violations] == [
        ("no-privileged", "train"),
        ("no-host-namespaces", "train"),
    ]
    assert [v.service for v in decision.exempted] == ["web"]


ON_REQUEST = EXCEPTION + "  onRequest: true\n"
ASKED = PRIVILEGED.replace(
    "privileged: true", "privileged: true  # policyd: request no-privileged the driver needs it"
)


def test_an_exception_on_request_exempts_only_where_a_comment_asks(
    decide: Callable[..., Decision],
) -> None:
    silent = decide(PRIVILEGED, constraint("c", "no-privileged"), ON_REQUEST, review=TRAIN)
    asked = decide(ASKED, constraint("c", "no-privileged"), ON_REQUEST, review=TRAIN)

    assert (silent.allowed, silent.exempted) == (False, ())
    assert asked.allowed is True
    assert [one.reason for one in asked.exempted] == [
        "Until the driver is fixed; requested in the file: the driver needs it"
    ]


@pytest.mark.parametrize(
    "text",
    [
        ASKED.replace("request no-privileged", "request no-all-gpus"),
        ASKED.replace("  # policyd", "\n    # policyd"),
        ASKED.replace(" the driver needs it", ""),
    ],
    ids=["another policy", "another line", "no reason"],
)
def test_a_comment_about_something_else_asks_for_nothing(
    decide: Callable[..., Decision], text: str
) -> None:
    decision = decide(text, constraint("c", "no-privileged"), ON_REQUEST, review=TRAIN)

    assert decision.allowed is False


def test_a_comment_counts_only_where_the_policy_set_says_so(
    decide: Callable[..., Decision],
) -> None:
    alone = decide(ASKED, constraint("c", "no-privileged"), review=TRAIN)
    later = msgspec.structs.replace(TRAIN, now=TRAIN.now + 400 * 86_400 * 10**9)
    expired = decide(ASKED, constraint("c", "no-privileged"), ON_REQUEST, review=later)
    silent = decide(PRIVILEGED, constraint("c", "no-privileged"), ON_REQUEST, review=later)
    usual = decide(ASKED, constraint("c", "no-privileged"), EXCEPTION, review=TRAIN)

    assert (alone.allowed, expired.allowed, usual.allowed) == (False, False, True)
    assert "expired on 2027-01-31T00:00:00Z" in expired.violations[0].message
    assert "expired" not in silent.violations[0].message
    assert usual.exempted[0].reason == "Until the driver is fixed"


def test_break_glass_is_from_every_policy_and_loud(decide: Callable[..., Decision]) -> None:
    glass = EXCEPTION.replace("policies: [no-privileged]", "breakGlass: true").replace(
        ", services: [web]", ""
    )

    decision = decide(
        PRIVILEGED,
        constraint("c", "no-privileged"),
        constraint("d", "no-all-gpus"),
        glass + "  starts: 2027-01-30T20:00:00Z\n",
        review=TRAIN,
    )

    assert decision.allowed is True
    assert [v.policy for v in decision.exempted] == ["no-privileged", "no-all-gpus"]
    assert decision.warnings == (
        "break-glass: the exception web-needs-it bypasses all policies until "
        "2027-01-31T00:00:00Z (ml-infra, approved by security@acme: Until the driver is fixed)",
    )
    assert decision.audit_annotations == {
        "exceptions": "web-needs-it",
        "breakGlass": "web-needs-it",
    }


def test_exception_for_a_service_and_a_path_leaves_what_is_beside_it(
    decide: Callable[..., Decision],
) -> None:
    nodes = """\
name: demo
services:
  web:
    image: nginx
    devices: [/dev/nvidia0, /dev/nvidia1]
  train:
    image: train
    devices: [/dev/nvidia0]
"""
    rest = "paths: [services/*/devices/0]"
    scoped = EXCEPTION.replace("no-privileged", "no-raw-device-nodes")

    decision = decide(
        nodes,
        constraint("c", "no-raw-device-nodes"),
        scoped.replace("services: [web]", f"services: [web], {rest}"),
        review=TRAIN,
    )

    assert [v.path for v in decision.exempted] == [("services", "web", "devices", 0)]
    assert [v.path for v in decision.violations] == [
        ("services", "web", "devices", 1),
        ("services", "train", "devices", 0),
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("unknown", "violations", "exempted"),
    [
        ("  match: {repositories: [web]}\n", 1, 0),
        ("  match: {environments: [prod], hosts: [gpu-01], users: [a], groups: [b]}\n", 1, 0),
        ("  exclude: {repositories: ['**']}\n", 1, 0),
        ("  exclude: {operations: [CHECK], environments: ['**']}\n", 1, 0),
        ("  exclude: {operations: [CHECK]}\n", 0, 0),
    ],
)
def test_unknown_field_leaves_a_constraint_in_force_without_exclusion_or_exception(
    decide: Callable[..., Decision], unknown: str, violations: int, exempted: int
) -> None:
    every_team = EXCEPTION.replace("[ml/train]", "['ml/**', 'ops/**']")

    decision = decide(
        PRIVILEGED,
        constraint("c", "no-privileged", "deny", unknown),
        every_team,
        review=msgspec.structs.replace(TRAIN, source=Source()),
    )

    assert (len(decision.violations), len(decision.exempted)) == (violations, exempted)


@pytest.mark.parametrize(
    ("seconds", "allowed", "days_left"), [(-86_400, True, 1), (-1, True, 0), (0, False, None)]
)
def test_exception_ends_at_its_second_by_the_time_of_the_review(
    decide: Callable[..., Decision], seconds: int, allowed: bool, days_left: int | None
) -> None:
    decision = decide(
        PRIVILEGED,
        constraint("c", "no-privileged"),
        EXCEPTION,
        review=msgspec.structs.replace(TRAIN, now=EXPIRES + seconds * 1_000_000_000),
    )

    assert decision.allowed is allowed
    assert [one.days_left for one in decision.exempted] == (
        [] if days_left is None else [days_left]
    )


def test_exception_sets_the_findings_of_every_constraint_aside(
    decide: Callable[..., Decision],
) -> None:
    decision = decide(
        PRIVILEGED,
        constraint("a", "no-privileged", "warn"),
        constraint("b", "no-privileged"),
        EXCEPTION,
        review=TRAIN,
    )

    assert [(v.constraint, v.enforcement_action) for v in decision.exempted] == [
        ("a", "warn"),
        ("b", "deny"),
    ]
    assert (decision.violations, decision.warnings) == ((), ())


def test_project_that_compose_refuses_is_denied_with_the_reason(
    decide: Callable[..., Decision],
) -> None:
    decision = decide("services:\n  web:\n    image: nginx\n    privileged: 1\n")

    assert decision.allowed is False
    assert decision.status.code == 422
    assert decision.status.reason == "Invalid"
    assert decision.status.message.startswith("compose.yaml:4:17: services.web.privileged")
    assert decision.status.location == Location("compose.yaml", 4, 17)
    assert decision.violations == ()
    assert decision.bundle_digest.startswith("sha256:")


def test_nothing_to_judge_is_no_decision(policy_set: Callable[..., PolicySet]) -> None:
    admission = Admission(Answers(Findings(())), policy_set())

    with pytest.raises(NoComposeFile):
        admission.decide(prepare(memory_bundle({"README": b""})), REVIEW)


def test_engine_that_fails_denies_and_the_decision_says_so(
    policy_set: Callable[..., PolicySet],
) -> None:
    admission = Admission(
        Answers(EngineError("evaluating the policies exceeded 5 seconds")), policy_set()
    )

    decision = admission.decide(prepare(bundle(PRIVILEGED)), REVIEW)

    assert decision.allowed is False
    assert decision.status == Status(
        500, "InternalError", "evaluating the policies exceeded 5 seconds"
    )
    assert decision.project == "demo"


def test_the_failure_policy_ignore_allows_what_an_unavailable_engine_did_not_evaluate(
    policy_set: Callable[..., PolicySet],
) -> None:
    admission = Admission(Answers(EngineUnavailable("the evaluator ended")), policy_set())
    loaded = prepare(bundle(PRIVILEGED))

    decision = admission.decide(loaded, REVIEW, failure_policy="Ignore")

    assert (decision.allowed, decision.status.code, decision.status.reason) == (
        True,
        200,
        "FailureIgnored",
    )
    assert decision.warnings == ("no policy was evaluated: the evaluator ended",)
    assert decision.audit_annotations["failure"] == "EngineUnavailable"
    assert [grant.service for grant in decision.grants] == ["train", "web"]
    assert decision.project == "demo"
    assert admission.decide(loaded, REVIEW).allowed is False


@pytest.mark.parametrize(
    ("text", "answer", "code"),
    [
        (PRIVILEGED, EngineError("a policy fails"), 500),
        (PRIVILEGED, Findings((Finding("no-privileged", "m"),)), 403),
        ("services: {web: {imag: a}}", EngineUnavailable("the evaluator ended"), 422),
        (
            PRIVILEGED + "x-policyd-until: tomorrow\n",
            EngineUnavailable("the evaluator ended"),
            422,
        ),
    ],
    ids=["error of a policy", "denial", "project does not load", "end of grants is not valid"],
)
def test_the_failure_policy_ignore_ignores_nothing_else(
    policy_set: Callable[..., PolicySet], text: str, answer: Findings | EngineError, code: int
) -> None:
    admission = Admission(Answers(answer), policy_set(constraint("c", "no-privileged")))

    decision = admission.decide(prepare(bundle(text)), REVIEW, failure_policy="Ignore")

    assert (decision.allowed, decision.status.code) == (False, code)


def test_an_engine_with_another_policy_set_does_not_decide(
    policy_set: Callable[..., PolicySet],
) -> None:
    admission = Admission(Answers(OtherRevision("the engine holds two")), policy_set())

    with pytest.raises(OtherRevision, match="the engine holds two"):
        admission.decide(prepare(bundle(PRIVILEGED)), REVIEW)


@pytest.mark.parametrize(
    ("finding", "message"),
    [
        (Finding("no-all-gpus", "m"), "'no-all-gpus', which was not to be evaluated"),
        (Finding("nosuch", "m"), "'nosuch', which was not to be evaluated"),
        (
            Finding("no-privileged", "m", constraint="other"),
            "no-privileged reports a finding for the constraint 'other', "
            "which was not to be evaluated",
        ),
    ],
)
def test_answer_that_was_not_asked_for_denies(
    policy_set: Callable[..., PolicySet], finding: Finding, message: str
) -> None:
    rules = policy_set(constraint("c", "no-privileged", "warn"))
    admission = Admission(Answers(Findings((finding,))), rules)

    decision = admission.decide(prepare(bundle(PRIVILEGED)), REVIEW)

    assert decision.allowed is False
    assert decision.status.code == 500
    assert message in decision.status.message


@pytest.mark.thorough
def test_the_violations_of_all_constraints_are_bounded(
    policy_set: Callable[..., PolicySet],
) -> None:
    rules = policy_set(constraint("a", "no-privileged", "dryrun"))
    rules = msgspec.structs.replace(
        rules,
        constraints=tuple(
            msgspec.structs.replace(rules.constraints[0], name=f"c{n}") for n in range(100)
        ),
    )
    most = tuple(Finding("no-privileged", str(n)) for n in range(MAX_VIOLATIONS // 100))

    bounded, refused = (
        Admission(Answers(Findings(found)), rules).decide(prepare(bundle(PRIVILEGED)), REVIEW)
        for found in (most, (*most, Finding("no-privileged", "one more")))
    )

    assert len(bounded.violations) == 10_000
    assert bounded.allowed is True
    assert refused.violations == ()
    assert refused.allowed is False
    assert refused.status == Status(
        500,
        "InternalError",
        "there are more than 10000 violations (one for each finding and constraint), so the "
        "project is denied without a list of them",
    )


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_finding_for_one_constraint_is_reported_by_that_one(
    policy_set: Callable[..., PolicySet], name: str
) -> None:
    rules = policy_set(*(constraint(one, "no-privileged", "dryrun") for one in "abc"))
    finding = Finding("no-privileged", "m", constraint=name)

    decision = Admission(Answers(Findings((finding,))), rules).decide(
        prepare(bundle(PRIVILEGED)), REVIEW
    )

    assert [v.constraint for v in decision.violations] == [name]
    assert decision.allowed is True


@pytest.mark.parametrize(
    ("finding", "remediation"),
    [
        (
            Finding(
                "no-all-gpus",
                "m",
                "train",
                ("services", "train", "gpus", 0, "count"),
                remediation="own",
            ),
            "own",
        ),
        (
            Finding("no-all-gpus", "m", "train", ("services", "train", "gpus", 0, "count")),
            "Name the GPUs and their driver: `device_ids: ['0']` with `driver: nvidia` (or amd).",
        ),
        (Finding("no-all-gpus", "m"), "Name the GPUs: `device_ids: ['0']` with `driver: nvidia`."),
    ],
)
def test_remediation_is_of_the_finding_or_of_the_grant_or_of_the_policy(
    policy_set: Callable[..., PolicySet], finding: Finding, remediation: str
) -> None:
    rules = policy_set(constraint("c", "no-all-gpus"))

    decision = Admission(Answers(Findings((finding,))), rules).decide(
        prepare(bundle(PRIVILEGED)), REVIEW
    )

    assert [v.remediation for v in decision.violations] == [remediation]


def test_violations_are_in_the_order_of_place_policy_constraint_message_and_path(
    policy_set: Callable[..., PolicySet],
) -> None:
    privileged, gpus = ("services", "web", "privileged"), ("services", "train", "gpus")
    rules = policy_set(
        constraint("b", "no-privileged"),
        constraint("a", "no-privileged"),
        constraint("z", "no-all-gpus"),
    )
    findings = (
        Finding("no-privileged", "n", "web", privileged, constraint="b"),
        Finding("no-privileged", "m", "train", gpus, constraint="b"),
        Finding("no-privileged", "m", "web", privileged, constraint="b"),
        Finding("no-all-gpus", "z", "web", privileged),
        Finding("no-privileged", "z", "web", privileged, constraint="a"),
        Finding("no-privileged", "m", constraint="b"),
        Finding("no-privileged", "m", "web", ("services", "web", "privileged", "y")),
    )

    decision = Admission(Answers(Findings(findings)), rules).decide(
        prepare(bundle(PRIVILEGED)), REVIEW
    )

    web = Location("compose.yaml", 5, 17)
    assert [
        (v.location, v.policy, v.constraint, v.message, v.path) for v in decision.violations
    ] == [
        (None, "no-privileged", "b", "m", ()),
        (web, "no-all-gpus", "z", "z", privileged),
        (web, "no-privileged", "a", "m", (*privileged, "y")),
        (web, "no-privileged", "a", "z", privileged),
        (web, "no-privileged", "b", "m", privileged),
        (web, "no-privileged", "b", "m", (*privileged, "y")),
        (web, "no-privileged", "b", "n", privileged),
        (Location("compose.yaml", 8, 11), "no-privileged", "b", "m", gpus),
    ]


def test_a_release_is_allowed_and_names_the_project(policy_set: Callable[..., PolicySet]) -> None:
    rules = policy_set(constraint("c", "no-privileged"))
    admission = Admission(Answers(EngineError("must not be asked")), rules, new_id=lambda: "d-3")

    assert admission.release(REVIEW, "demo") == Decision(
        uid="r-1",
        allowed=True,
        status=Status(200, "OK", "the grants of the project are released; no policy is evaluated"),
        policy_set=rules.reference,
        engine="answers",
        decision_id="d-3",
        project="demo",
        compose_version=COMPOSE_VERSION,
    )


def test_a_dry_run_of_a_release_says_that_it_releases_nothing(
    policy_set: Callable[..., PolicySet],
) -> None:
    admission = Admission(Answers(EngineError("must not be asked")), policy_set())

    dry = admission.release(msgspec.structs.replace(REVIEW, dry_run=True), "demo")
    assert (dry.allowed, dry.status.message) == (
        True,
        "dry run: no grants of the project are released; no policy is evaluated",
    )


def test_finding_of_the_whole_project_passes_a_match_on_services(
    policy_set: Callable[..., PolicySet],
) -> None:
    rules = policy_set(constraint("c", "no-privileged", "deny", "  match: {services: [none]}\n"))
    finding = Finding("no-privileged", "m")

    decision = Admission(Answers(Findings((finding,))), rules).decide(
        prepare(bundle(PRIVILEGED)), REVIEW
    )

    assert decision.allowed is False
    assert decision.status.message == "1 policy denies: no-privileged"


def test_the_engine_gets_the_review_and_each_decision_an_id_of_its_own(
    policy_set: Callable[..., PolicySet],
) -> None:
    engine = Answers(Findings(()))
    admission = Admission(engine, policy_set())

    ids = {admission.decide(prepare(bundle(PRIVILEGED)), REVIEW).decision_id for _ in range(2)}

    assert msgspec.json.decode(engine.asked)["review"]["uid"] == "r-1"
    assert len({uuid.UUID(one) for one in ids}) == 2


def test_what_could_not_be_looked_at_is_in_the_decision(decide: Callable[..., Decision]) -> None:
    decision = decide("include: [oci://registry.example/a:1]\nservices: {web: {image: nginx}}\n")

    assert [type(gap) for gap in decision.not_evaluated] == [NotEvaluated]
    assert decision.not_evaluated[0].kind == "remote-include"


def test_refusal_denies_with_the_status_of_the_error(
    policy_set: Callable[..., PolicySet],
) -> None:
    rules = policy_set()
    admission = Admission(Answers(Findings(())), rules, new_id=lambda: "d-2")

    decision = admission.refuse(REVIEW, RequestError("the artifact has no Compose file"))

    assert decision == Decision(
        uid="r-1",
        allowed=False,
        status=Status(400, "BadRequest", "the artifact has no Compose file"),
        policy_set=rules.reference,
        engine="answers",
        decision_id="d-2",
        compose_version="5.7.1",
    )


def test_the_grant_of_a_scheduled_job_states_its_schedule() -> None:
    services = build(Settings())
    text = b"""services: {}
jobs:
  nightly:
    image: x
    triggers: {schedule: ["0 3 * * *", {cron: "30 4 * * 0"}]}
    gpus: [{driver: nvidia, device_ids: ["0"]}]
"""

    decision = services.decide(
        memory_bundle({"compose.yaml": text}, profiles=()),
        Review(uid="1", enforcement_point="cli", now=1),
    )
    services.close()

    [grant] = decision.grants
    assert (grant.service, grant.kind, grant.schedule) == (
        "nightly",
        "job",
        ("0 3 * * *", "30 4 * * 0"),
    )
    assert decision.compose_version == "5.7.1"
