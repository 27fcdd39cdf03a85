"""Why constraints and exceptions apply, field by field."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.model import (
    Decision,
    Exempted,
    Location,
    Review,
    Source,
    Status,
    UserInfo,
    Violation,
)
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.match_explanation import Check, Match, explain_match
from policyd.policies.policy_set import PolicySet, load_policy_set

RULES = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: team}
spec: {packs: [container]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: everywhere}
spec: {policy: no-privileged, enforcementAction: {default: deny, cli: dryrun}}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: in-prod}
spec:
  policy: no-privileged
  enforcementAction: deny
  match: {environments: [prod], hosts: [gpu-*], groups: [ops], services: [trainer]}
  exclude: {repositories: [ml/sandbox-*], users: [ada], hosts: ["**"]}
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: own}
spec:
  policies: [no-privileged, no-docker-socket]
  match: {repositories: [ml/*], hosts: [gpu-01], paths: [services/*/privileged]}
  starts: 2027-01-01T00:00:00Z
  expires: 2027-01-31T00:00:00Z
  owner: ml-infra
  reason: why
  approvedBy: security
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: glass}
spec:
  breakGlass: true
  match: {repositories: [ml/train]}
  starts: 2027-01-30T00:00:00Z
  expires: 2027-01-31T00:00:00Z
  owner: ml-infra
  reason: why
  approvedBy: security
"""

LAST_SECOND = 1_801_353_599_000_000_000
"""2027-01-30T23:59:59Z in nanoseconds."""

VIOLATION = Violation("no-privileged", "everywhere", "dryrun", "critical", "m", "r", "web")


@pytest.fixture
def rules(tmp_path: Path) -> PolicySet:
    (tmp_path / "policyset.yaml").write_text(RULES)
    return load_policy_set(tmp_path)


def review(now: int = LAST_SECOND, **source: str) -> Review:
    return Review(
        uid="u",
        enforcement_point="cli",
        now=now,
        user_info=UserInfo("ada", ("ml", "ops")),
        source=Source(**source),
    )


def decision(**fields: object) -> Decision:
    return Decision("u", True, Status(200, "OK", "no policy denies"), project="demo", **fields)


def explained(rules: PolicySet, asked: Review, made: Decision | None = None) -> dict[str, Match]:
    made = made or decision()
    applicability = Applicability(
        Governance(rules.constraints, rules.exceptions), asked, made.project
    )
    return {found.name: found for found in explain_match(applicability, made)}


def test_constraint_without_conditions_applies_and_counts_what_it_reported(
    rules: PolicySet,
) -> None:
    aside = Exempted("no-privileged", "everywhere", "dryrun", "critical", "m", "r", exception="own")
    made = decision(violations=(VIOLATION,), exempted=(aside,))

    found = explained(rules, review(), made)

    file = found["everywhere"].location.file
    assert found["everywhere"] == Match(
        kind="Constraint",
        name="everywhere",
        location=Location(file, 6, 1),
        policies=("no-privileged",),
        applies=True,
        reason="",
        action="dryrun",
        findings=2,
        checks=(),
    )
    assert (found["in-prod"].findings, found["own"].findings, found["glass"].findings) == (0, 1, 0)


def test_each_field_of_a_constraint_is_held_against_the_review(rules: PolicySet) -> None:
    found = explained(rules, review(environment="dev", repository="ml/sandbox-1"))["in-prod"]

    assert (found.applies, found.reason) == (False, "environments: dev matches none of prod")
    assert found.action == "deny"
    assert found.checks == (
        Check("match.environments", "differs", "dev matches none of prod"),
        Check("match.hosts", "unknown", "unknown, so the constraint stays in force"),
        Check("match.groups", "matches", "ops matches ops"),
        Check("match.services", "narrows", "only violations of services that match trainer"),
        Check("exclude.repositories", "matches", "ml/sandbox-1 matches ml/sandbox-*"),
        Check("exclude.hosts", "unknown", "unknown, so nothing is excluded"),
        Check("exclude.users", "matches", "ada matches ada"),
    )


def test_unknown_field_makes_a_constraint_apply_and_an_exclusion_and_an_exception_not(
    rules: PolicySet,
) -> None:
    found = explained(rules, review(environment="prod", repository="ml/sandbox-1"))

    assert (found["in-prod"].applies, found["in-prod"].reason) == (True, "")
    assert (found["own"].applies, found["own"].reason) == (
        False,
        "hosts: unknown matches none of gpu-01",
    )
    assert found["own"].checks[3] == Check(
        "match.hosts", "unknown", "unknown, so the exception does not apply"
    )


def test_exclusion_is_the_reason_when_all_of_its_fields_match(rules: PolicySet) -> None:
    asked = review(environment="prod", repository="ml/sandbox-1", host="gpu-02")

    found = explained(rules, asked)["in-prod"]

    assert (found.applies, found.reason) == (
        False,
        "excluded: repositories: ml/sandbox-1, hosts: gpu-02, users: ada",
    )


def test_exception_says_its_times_and_what_it_is_narrowed_to(rules: PolicySet) -> None:
    found = explained(rules, review(repository="ml/train", host="gpu-01"))

    file = found["own"].location.file
    assert found["own"] == Match(
        kind="Exception",
        name="own",
        location=Location(file, 20, 1),
        policies=("no-privileged", "no-docker-socket"),
        applies=True,
        reason="",
        action="exempt",
        findings=0,
        checks=(
            Check("starts", "matches", "it started on 2027-01-01T00:00:00Z"),
            Check("expires", "matches", "it expires on 2027-01-31T00:00:00Z"),
            Check("match.repositories", "matches", "ml/train matches ml/*"),
            Check("match.hosts", "matches", "gpu-01 matches gpu-01"),
            Check(
                "match.paths",
                "narrows",
                "only violations at paths that match services/*/privileged",
            ),
        ),
    )
    assert (found["glass"].action, found["glass"].policies) == ("break-glass", ())
    assert found["glass"].applies is True


def test_exception_ends_at_its_second_and_does_not_begin_before_its_own(rules: PolicySet) -> None:
    second = 1_000_000_000
    source = {"repository": "ml/train", "host": "gpu-01"}

    ended = explained(rules, review(LAST_SECOND + second, **source))["own"]
    early = explained(rules, review(LAST_SECOND - 86_400 * second, **source))["glass"]

    assert (ended.applies, ended.reason) == (False, "it expired on 2027-01-31T00:00:00Z")
    assert ended.checks[1] == Check("expires", "differs", "it expired on 2027-01-31T00:00:00Z")
    assert (early.applies, early.reason) == (False, "it starts on 2027-01-30T00:00:00Z")
    assert early.checks[0] == Check("starts", "differs", "it starts on 2027-01-30T00:00:00Z")
