"""Which constraints and exceptions apply to a review."""

from __future__ import annotations

import msgspec
import pytest

from policyd.model import Location, Review, Source, UserInfo, Violation
from policyd.policies.applicability import Applicability
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector

EXPIRES = 1_801_353_600_000_000_000
"""2027-01-31T00:00:00Z in nanoseconds."""

VIOLATION = Violation(
    policy="no-privileged",
    constraint="c",
    enforcement_action="deny",
    severity="critical",
    message="m",
    remediation="r",
    service="trainer",
    path=("services", "trainer", "privileged"),
)

REVIEW = Review(
    uid="u",
    enforcement_point="ci",
    now=EXPIRES - DAY,
    user_info=UserInfo("ada", ("ml",)),
    source=Source(repository="ml/train", environment="prod", host="gpu-01"),
)


def exception(**fields: object) -> PolicyException:
    plain = PolicyException(
        name="e",
        policies=("no-privileged",),
        match=Selector(repositories=("ml/*",)),
        expires=EXPIRES,
        owner="ml-infra",
        reason="why",
        approved_by="security",
        location=Location("policyset.yaml", 7, 1),
    )
    return msgspec.structs.replace(plain, **fields)


def applying(*exceptions: PolicyException, review: Review = REVIEW) -> Applicability:
    return Applicability((), exceptions, review, "train")


def constraint(name: str, policy: str, **match: tuple[str, ...]) -> Constraint:
    return Constraint(
        name=name,
        policy=policy,
        actions={"default": "deny"},
        match=Selector(**match),
        exclude=Selector(),
        parameters={},
        location=Location("policyset.yaml", 7, 1),
    )


def test_constraints_that_apply_are_grouped_by_policy_and_others_have_a_reason() -> None:
    first, second = constraint("a", "no-privileged"), constraint("b", "no-privileged")
    dev = constraint("c", "no-all-gpus", environments=("dev",))

    applicability = Applicability([first, dev, second], (), REVIEW, "train")

    assert applicability.by_policy == {"no-privileged": [first, second]}
    assert applicability.constraints == [
        (first, ""),
        (dev, "environments: prod matches none of dev"),
        (second, ""),
    ]


@pytest.mark.parametrize(
    ("fields", "applies"),
    [
        ({}, True),
        ({"policies": ("no-docker-socket",)}, False),
        ({"policies": (), "break_glass": True}, True),
        ({"expires": REVIEW.now}, False),
        ({"expires": REVIEW.now + 1}, True),
        ({"starts": REVIEW.now + 1}, False),
        ({"starts": REVIEW.now}, True),
        ({"match": Selector(repositories=("web/*",))}, False),
        ({"match": Selector(repositories=("ml/*",), hosts=("gpu-*",))}, True),
        ({"match": Selector(repositories=("ml/*",), hosts=("cpu-*",))}, False),
        ({"match": Selector(groups=("ml",))}, True),
        ({"match": Selector(users=("ada",), services=("train*",))}, True),
        ({"match": Selector(users=("ada",), services=("web",))}, False),
        ({"match": Selector(users=("ada",), paths=("services/*/privileged",))}, True),
        ({"match": Selector(users=("ada",), paths=("services/*/devices/**",))}, False),
    ],
)
def test_exception_is_in_force_for_what_it_names_and_no_longer(
    fields: dict[str, object], applies: bool
) -> None:
    applicability = applying(exception(**fields))

    assert (applicability.exemption(VIOLATION) is not None) is applies


@pytest.mark.parametrize("field", ["repositories", "environments", "hosts", "users", "groups"])
def test_unknown_field_of_the_review_keeps_an_exception_from_applying(field: str) -> None:
    unknown = Review(uid="u", enforcement_point="cli", now=REVIEW.now)
    anyone = exception(match=Selector(**{field: ("**",)}))

    applicability = applying(anyone, review=unknown)

    assert applicability.exemption(VIOLATION) is None
    assert applicability.expired_exemptions(VIOLATION) == []


def test_finding_of_no_service_is_not_that_of_a_named_service() -> None:
    whole = msgspec.structs.replace(VIOLATION, service="", path=())
    named = exception(match=Selector(users=("ada",), services=("**",)))

    assert applying(named).exemption(whole) is None


def test_exception_from_the_policy_comes_before_break_glass_and_the_longest_first() -> None:
    own, long = exception(name="own"), exception(name="long", expires=EXPIRES + DAY)
    glass = exception(name="glass", policies=(), break_glass=True, expires=EXPIRES + 2 * DAY)

    assert applying(glass, own, long).exemption(VIOLATION) == long


def test_expired_exceptions_for_the_violation_are_told() -> None:
    old = exception(name="old", expires=REVIEW.now)
    other = exception(name="other", expires=REVIEW.now, policies=("no-docker-socket",))
    elsewhere = exception(
        name="elsewhere", expires=REVIEW.now, match=Selector(repositories=("web",))
    )

    applicability = applying(old, other, elsewhere)

    assert applicability.exemption(VIOLATION) is None
    assert applicability.expired_exemptions(VIOLATION) == [old]
