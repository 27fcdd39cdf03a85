"""Which constraints and exceptions apply to a review."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.model import Finding, Location, Review, Source, UserInfo, Violation
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector, matches_any
from tests.support.cases import cases
from tests.support.work import lines_run

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
    return Applicability(Governance((), exceptions), review, "train")


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

    applicability = Applicability(Governance([first, dev, second]), REVIEW, "train")

    assert applicability.by_policy == {"no-privileged": [first, second]}
    assert applicability.constraints == [
        (first, ""),
        (dev, "environments: prod matches none of dev"),
        (second, ""),
    ]


def test_the_shortest_lease_of_the_constraints_that_apply_counts() -> None:
    def limit(name: str, lease: str, action: str = "deny", **match: tuple[str, ...]) -> Constraint:
        found = constraint(name, "no-all-gpus", **match)
        return msgspec.structs.replace(found, max_lease=lease, actions={"default": action})

    limits = [
        constraint("none", "no-all-gpus"),
        limit("elsewhere", "1h", environments=("dev",)),
        limit("tried", "2h", "dryrun"),
        limit("long", "2d", "warn"),
        limit("short", "47h", services=("train*",)),
    ]
    applicability = Applicability(Governance(limits), REVIEW, "train")

    hour = 3_600_000_000_000
    assert applicability.shortest_lease("trainer") == (47 * hour, limits[4])
    assert applicability.shortest_lease("web") == (48 * hour, limits[3])
    assert Applicability(Governance(limits[:3]), REVIEW, "x").shortest_lease("web") is None


@cases(
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


@cases("field", ["repositories", "environments", "hosts", "users", "groups"])
def test_unknown_field_of_the_review_keeps_an_exception_from_applying(field: str) -> None:
    unknown = Review(uid="u", enforcement_point="cli", now=REVIEW.now)
    anyone = exception(match=Selector(**{field: ("**",)}))

    applicability = applying(anyone, review=unknown)

    assert applicability.exemption(VIOLATION) is None
    assert applicability.expired_exemptions(VIOLATION, 3) == ([], 0)


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
    assert applicability.expired_exemptions(VIOLATION, 3) == ([old], 1)


def test_the_exceptions_that_expired_last_are_told_first_and_the_others_counted() -> None:
    expired = [exception(name=f"e{age}", expires=REVIEW.now - age) for age in (2, 0, 3, 1)]

    named, number = applying(*expired).expired_exemptions(VIOLATION, 2)

    assert [one.name for one in named] == ["e0", "e1"]
    assert number == 4


def test_a_finding_is_reported_by_the_constraints_that_select_its_service() -> None:
    everything, web = constraint("a", "p"), constraint("web", "p", services=("web-*",))
    other = constraint("c", "q")
    applicability = Applicability(Governance([everything, web, other]), REVIEW, "train")

    reported = [
        applicability.reporting(finding)
        for finding in (
            Finding("p", "m", service="web-1"),
            Finding("p", "m", service="db"),
            Finding("p", "m"),
            Finding("p", "m", service="db", constraint="web"),
            Finding("p", "m", service="web-1", constraint="web"),
            Finding("p", "m", constraint="c"),
        )
    ]

    assert reported == [[everything, web], [everything], [everything, web], [], [web], []]


GLOBS = st.sampled_from(["a", "b", "a/b", "*", "**", "a/*", "*/b", "a*", "**/b", "a/**"])
FIELDS = ["repositories", "projects", "environments", "hosts", "users", "groups"]
SELECTORS = st.dictionaries(
    st.sampled_from([*FIELDS, "services", "paths"]),
    st.lists(GLOBS, min_size=1, max_size=2).map(tuple),
).map(lambda fields: Selector(**fields))
NAMES = st.sampled_from(["", "a", "b", "a/b", "ab"])
POLICIES = st.sampled_from(["p", "q"])
REVIEWS = st.builds(
    Review,
    uid=st.just("u"),
    enforcement_point=st.just("ci"),
    now=st.integers(3, 6),
    user_info=st.builds(UserInfo, NAMES, st.lists(NAMES, max_size=2).map(tuple)),
    source=st.builds(Source, repository=NAMES, environment=NAMES, host=NAMES),
)
CONSTRAINTS = st.lists(
    st.tuples(POLICIES, SELECTORS, SELECTORS).map(
        lambda drawn: msgspec.structs.replace(
            constraint("", drawn[0]), match=drawn[1], exclude=drawn[2]
        )
    ),
    max_size=6,
).map(lambda drawn: [msgspec.structs.replace(c, name=f"c{n}") for n, c in enumerate(drawn)])
EXCEPTIONS = st.lists(
    st.builds(
        exception,
        policies=st.lists(POLICIES, max_size=2, unique=True).map(tuple),
        match=SELECTORS,
        starts=st.integers(0, 6),
        expires=st.integers(1, 8),
        break_glass=st.booleans(),
    ),
    max_size=6,
).map(lambda drawn: [msgspec.structs.replace(e, name=f"e{n}") for n, e in enumerate(drawn)])
PATHS = st.lists(st.sampled_from(["a", "b"]), max_size=3).map(tuple)


@pytest.mark.slow
@given(CONSTRAINTS, REVIEWS, NAMES, POLICIES, NAMES, st.sampled_from(["", "c0", "c1"]))
def test_the_index_of_constraints_answers_as_one_comparison_after_the_other(
    constraints: list[Constraint],
    review: Review,
    project: str,
    policy: str,
    service: str,
    named: str,
) -> None:
    finding = Finding(policy, "m", service=service, constraint=named)

    applicability = Applicability(Governance(constraints), review, project)

    applying = [found for found, why_not in applicability.constraints if not why_not]
    assert applicability.by_policy == {
        policy: [found for found in applying if found.policy == policy]
        for policy in dict.fromkeys(found.policy for found in applying)
    }
    assert applicability.reporting(finding) == [
        found
        for found in applying
        if found.policy == policy
        and (not named or found.name == named)
        and (
            not found.match.services
            or not finding.service
            or matches_any(found.match.services, finding.service)
        )
    ]


@pytest.mark.slow
@given(EXCEPTIONS, REVIEWS, NAMES, POLICIES, NAMES, PATHS)
def test_the_index_of_exceptions_answers_as_one_comparison_after_the_other(
    exceptions: list[PolicyException],
    review: Review,
    project: str,
    policy: str,
    service: str,
    path: tuple[str, ...],
) -> None:
    violation = msgspec.structs.replace(VIOLATION, policy=policy, service=service, path=path)

    applicability = Applicability(Governance((), exceptions), review, project)

    def preferred(found: Sequence[PolicyException]) -> list[PolicyException]:
        return sorted(found, key=lambda one: (one.break_glass, -one.expires, one.name))

    in_force = preferred(
        [one for one, why_not in applicability.exceptions if not why_not and one.is_for(violation)]
    )
    expired = preferred(
        [
            one
            for one in exceptions
            if one.expires <= review.now
            and one.is_for(violation)
            and not msgspec.structs.replace(one, starts=0, expires=review.now + 1).why_not_in_force(
                applicability.subject, review.now
            )
        ]
    )
    assert applicability.exemption(violation) == (in_force[0] if in_force else None)
    assert applicability.expired_exemptions(violation, 2) == (expired[:2], len(expired))


def exempting(number: int) -> list[PolicyException]:
    """Return `number` exceptions, all in force and each for another service and path."""
    return [
        exception(
            name=f"e{n}",
            match=Selector(
                repositories=("ml/*",),
                services=(f"s{n}-*",),
                paths=(f"services/*/devices/{n}/**",),
            ),
        )
        for n in range(number)
    ]


def violations(number: int) -> list[Violation]:
    return [
        msgspec.structs.replace(
            VIOLATION, service=f"s{n:04}", path=("services", f"s{n:04}", "privileged")
        )
        for n in range(number)
    ]


def exempt_all(exceptions: int, number: int) -> Callable[[], None]:
    applicability = applying(*exempting(exceptions))
    found = violations(number)
    assert applicability.exemption(VIOLATION) is None

    def run() -> None:
        for violation in found:
            assert applicability.exemption(violation) is None
            assert applicability.expired_exemptions(violation, 3) == ([], 0)

    run()  # the index remembers what it has compared
    return run


def test_the_work_for_a_violation_does_not_grow_with_the_exceptions() -> None:
    assert lines_run(exempt_all(1_000, 50)) == lines_run(exempt_all(10, 50))


def test_the_work_for_violations_grows_linearly() -> None:
    one, two, three = (lines_run(exempt_all(100, number)) for number in (50, 100, 150))

    assert two - one == three - two > 0


def report_all(constraints: int, number: int) -> Callable[[], None]:
    found = [constraint(f"c{n}", "p", services=(f"web-{n}-*",)) for n in range(constraints)]
    applicability = Applicability(Governance(found), REVIEW, "train")
    findings = [Finding("p", "m", service=f"db-{n:04}") for n in range(number)]
    assert len(applicability.by_policy["p"]) == constraints

    def run() -> None:
        for finding in findings:
            assert applicability.reporting(finding) == []

    run()
    return run


def test_the_work_for_a_finding_does_not_grow_with_the_constraints_that_do_not_report_it() -> None:
    assert lines_run(report_all(1_000, 50)) == lines_run(report_all(10, 50))


# --- names at a daemon: whoever sends the request chooses them

AT_THE_DAEMON = msgspec.structs.replace(REVIEW, enforcement_point="daemon")


@cases(
    ("match", "at_the_daemon"),
    [
        ({"hosts": ("gpu-01",)}, True),
        ({"hosts": ("gpu-01",), "paths": ("services/*/privileged",)}, True),
        ({"hosts": ("gpu-01",), "projects": ("train",)}, False),
        ({"hosts": ("gpu-01",), "projects": ("**",)}, False),
        ({"hosts": ("gpu-01",), "services": ("trainer",)}, False),
        ({"hosts": ("gpu-01",), "paths": ("services/trainer/privileged",)}, False),
    ],
)
def test_no_exception_by_a_name_applies_at_a_daemon(match, at_the_daemon):
    found = exception(match=Selector(**match))

    assert applying(found).exemption(VIOLATION) == found
    expected = found if at_the_daemon else None
    assert applying(found, review=AT_THE_DAEMON).exemption(VIOLATION) == expected


def test_constraints_that_select_names_apply_at_a_daemon_whatever_the_names():
    named = constraint("c", "no-privileged", projects=("other",))
    by_service = constraint("d", "no-privileged", services=("web",))
    finding = Finding("no-privileged", "m", "trainer")

    def reporting(review: Review) -> list[Constraint]:
        return Applicability(Governance((named, by_service)), review, "train").reporting(finding)

    assert reporting(REVIEW) == []
    assert reporting(AT_THE_DAEMON) == [named, by_service]


def test_no_exclusion_by_a_name_applies_at_a_daemon():
    excluding = constraint("c", "no-privileged")
    excluding = msgspec.structs.replace(excluding, exclude=Selector(projects=("train",)))
    finding = Finding("no-privileged", "m", "trainer")

    def reporting(review: Review) -> list[Constraint]:
        return Applicability(Governance((excluding,)), review, "train").reporting(finding)

    assert reporting(REVIEW) == []
    assert reporting(AT_THE_DAEMON) == [excluding]
