"""Exceptions: what a document may say, and when one is in force for a violation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from policyd.errors import PolicySetError
from policyd.model import Location, Review, Source, UserInfo, Violation
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.matching import Selector
from policyd.policies.policy_set import PolicySet, lint_policy_set, load_policy_set
from policyd.policies.times import moment
from tests.support.cases import cases

HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: team}
spec:
  packs: [container]
"""

EXCEPTION = """---
apiVersion: policyd/v1
kind: Exception
metadata: {name: e}
spec:
  policies: [no-privileged]
  match: {repositories: [ml/train], services: [trainer]}
  expires: 2027-01-31T00:00:00Z
  owner: ml-infra
  reason: Until the scheduler lands
  approvedBy: security@acme
"""

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

Load = Callable[[str], PolicySet]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(text: str) -> PolicySet:
        (tmp_path / "policyset.yaml").write_text(text)
        return load_policy_set(tmp_path)

    return loaded


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


def test_exception_holds_what_its_document_says(load: Load) -> None:
    (found,) = load(HEADING + EXCEPTION).exceptions

    assert msgspec.structs.replace(found, location=Location("")) == PolicyException(
        name="e",
        policies=("no-privileged",),
        match=Selector(repositories=("ml/train",), services=("trainer",)),
        expires=EXPIRES,
        owner="ml-infra",
        reason="Until the scheduler lands",
        approved_by="security@acme",
        location=Location(""),
        starts=0,
        break_glass=False,
    )
    assert (found.location.line, found.location.column) == (7, 1)


def test_time_of_an_exception_counts_in_any_zone(load: Load) -> None:
    text = EXCEPTION.replace("2027-01-31T00:00:00Z", "2027-01-31T02:00:00+02:00")

    (found,) = load(HEADING + text).exceptions

    assert found.expires == EXPIRES
    assert moment(found.expires) == "2027-01-31T00:00:00Z"


def test_exception_is_part_of_the_revision(load: Load) -> None:
    without = load(HEADING).revision
    with_it = load(HEADING + EXCEPTION).revision

    assert without != with_it
    assert load(HEADING + EXCEPTION.replace("ml-infra", "web")).revision != with_it


MISTAKES = {
    "no expiry": (
        EXCEPTION.replace("  expires: 2027-01-31T00:00:00Z\n", ""),
        "11:3: spec must have the key 'expires'",
    ),
    "no owner": (
        EXCEPTION.replace("  owner: ml-infra\n", ""),
        "11:3: spec must have the key 'owner'",
    ),
    "no reason": (
        EXCEPTION.replace("Until the scheduler lands", "''"),
        "15:11: spec.reason is empty",
    ),
    "no approver": (EXCEPTION.replace("approvedBy", "approved"), "key 'approved'; did you mean"),
    "no match": (EXCEPTION.replace("  match: {", "  matches: {"), "did you mean match?"),
    "match that its author can meet": (
        EXCEPTION.replace("repositories: [ml/train], ", ""),
        "12:10: spec.match must have at least one of the keys repositories",
    ),
    "everybody by repository": (
        EXCEPTION.replace("ml/train", "'**'"),
        "12:26: spec.match.repositories[0] is '**', which identifies nobody: name the "
        "repositories, such as ml/train or ml/**, or match another of the keys repositories, ",
    ),
    "everybody by break-glass": (
        EXCEPTION.replace("policies: [no-privileged]", "breakGlass: true").replace(
            "ml/train", "'*/**'"
        )
        + "  starts: 2027-01-30T12:00:00Z\n",
        "12:26: spec.match.repositories[0] is '*/**', which identifies nobody",
    ),
    "service that is none": (
        EXCEPTION.replace("[trainer]", "[ml/trainer]"),
        "12:48: spec.match.services[0] is 'ml/trainer', which never matches: names of services "
        "have only letters, digits, '.', '_' and '-'",
    ),
    "start that is a date": (
        EXCEPTION + "  starts: 2027-01-01\n",
        "17:11: spec.starts is '2027-01-01': it must be a time in the format 2027-01-31T00:00:00Z "
        "(it has no time of day)",
    ),
    "date without a time": (
        EXCEPTION.replace("T00:00:00Z", ""),
        "13:12: spec.expires is '2027-01-31': it must be a time in the format 2027-01-31T00:00:00Z",
    ),
    "time without a zone": (
        EXCEPTION.replace("00Z", "00"),
        "13:12: spec.expires is '2027-01-31T00:00:00': it must be a time in the format",
    ),
    "year that is none": (
        EXCEPTION.replace("2027-01-31T00:00:00Z", "9999-12-31T23:59:59-23:59"),
        "13:12: spec.expires is '9999-12-31T23:59:59-23:59': the year must be between 2000 and "
        "2099",
    ),
    "day that is none": (EXCEPTION.replace("01-31", "02-31"), "it must be a time in the format"),
    "unknown policy": (
        EXCEPTION.replace("no-privileged", "no-priviliged"),
        "11:14: spec.policies[0] is 'no-priviliged', but no pack of this policy set has it; "
        "did you mean no-privileged?",
    ),
    "no policy": (EXCEPTION.replace("[no-privileged]", "[]"), "11:13: spec.policies is empty"),
    "end before the start": (
        EXCEPTION + "  starts: 2027-02-01T00:00:00Z\n",
        "13:12: spec.expires must be later than `starts`",
    ),
    "break-glass from some policies": (
        EXCEPTION + "  breakGlass: true\n",
        "11:13: spec.policies must not be set: break-glass bypasses all policies",
    ),
    "break-glass on request": (
        EXCEPTION.replace("policies: [no-privileged]", "breakGlass: true\n  onRequest: true")
        + "  starts: 2027-01-30T23:59:59Z\n",
        "12:14: spec.onRequest must not be set: break-glass bypasses all policies",
    ),
    "on request of a wrong type": (
        EXCEPTION + "  onRequest: 1\n",
        "17:14: spec.onRequest must be a boolean, not an integer",
    ),
    "break-glass of a wrong type": (
        EXCEPTION.replace("policies: [no-privileged]", "breakGlass: 'yes'"),
        "11:15: spec.breakGlass must be a boolean, not a string",
    ),
    "break-glass without a start": (
        EXCEPTION.replace("policies: [no-privileged]", "breakGlass: true"),
        "13:12: spec.expires requires `starts`",
    ),
    "break-glass for weeks": (
        EXCEPTION.replace("policies: [no-privileged]", "breakGlass: true")
        + "  starts: 2027-01-29T23:59:59Z\n",
        "13:12: spec.expires is too late: the exception may last at most 1 day",
    ),
    "name twice": (EXCEPTION + EXCEPTION, "18:1: duplicate name 'e', already used at "),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake_in_an_exception_is_refused_with_its_place(load: Load, mistake: str) -> None:
    text, expected = MISTAKES[mistake]

    with pytest.raises(PolicySetError) as caught:
        load(HEADING + text)

    assert expected in str(caught.value)


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("limit", "start", "expected"),
    [
        ("30", "2027-01-01T00:00:00Z", ""),
        ("29", "2027-01-01T00:00:00Z", "14:12: spec.expires is too late: "),
        (
            "{default: 90, no-privileged: 7}",
            "2027-01-01T00:00:00Z",
            "the exception may last at most 7",
        ),
        ("{default: 7, no-privileged: 30}", "2027-01-01T00:00:00Z", ""),
        ("{no-docker-socket: 7}", "", ""),
        ("90", "", "14:12: spec.expires requires `starts`: the exception may last at most"),
        ("0", "", "6:25: spec.exceptions.maxDays is 0: it must be at least 1"),
        ("soon", "", "6:25: spec.exceptions.maxDays "),
        ("{no-such-policy: 7}", "", "6:26: spec.exceptions.maxDays has the unknown key"),
    ],
)
def test_time_of_exceptions_may_be_capped_by_policy(
    load: Load, limit: str, start: str, expected: str
) -> None:
    text = HEADING + f"  exceptions: {{maxDays: {limit}}}\n" + EXCEPTION
    text += f"  starts: {start}\n" if start else ""

    if not expected:
        assert len(load(text).exceptions) == 1
        return
    with pytest.raises(PolicySetError) as caught:
        load(text)
    assert expected in str(caught.value)


@cases(("seconds", "state"), [(-11, "upcoming"), (-10, "active"), (-1, "active"), (0, "expired")])
def test_exception_is_over_and_begins_at_its_second(seconds: int, state: str) -> None:
    second = 1_000_000_000

    found = exception(starts=EXPIRES - 10 * second).state(EXPIRES + seconds * second)

    assert found == state


def test_exception_from_several_policies_lasts_no_longer_than_the_shortest_cap(load: Load) -> None:
    text = (
        HEADING
        + "  exceptions: {maxDays: {default: 90, no-docker-socket: 7}}\n"
        + EXCEPTION.replace("[no-privileged]", "[no-privileged, no-docker-socket]")
        + "  starts: 2027-01-01T00:00:00Z\n"
    )

    with pytest.raises(PolicySetError) as caught:
        load(text)

    assert "14:12: spec.expires is too late: the exception may last at most 7" in str(caught.value)


@cases(("before", "days"), [(DAY, 1), (DAY - 1, 0), (0, 0), (-1, -1)])
def test_days_left_are_whole_days(before: int, days: int) -> None:
    assert exception().days_left(EXPIRES - before) == days


@pytest.mark.thorough
def test_all_errors_of_an_exception_are_reported_at_once(tmp_path: Path) -> None:
    text = (
        EXCEPTION.replace("[no-privileged]", "[no-such]")
        .replace("ml/train", "'**'")
        .replace("[trainer]", "[a/b]")
        .replace("00:00Z", "00:00z")
        .replace("owner: ml-infra", "owners: [ml-infra]")
    )
    (tmp_path / "policyset.yaml").write_text(HEADING + text)

    found = [str(problem) for problem in lint_policy_set(tmp_path)]

    assert found == [
        f"{tmp_path}/policyset.yaml:{rest}"
        for rest in (
            "11:3: spec must have the key 'owner'",
            "11:14: spec.policies[0] is 'no-such', but no pack of this policy set has it",
            "12:26: spec.match.repositories[0] is '**', which identifies nobody: name the "
            "repositories, such as ml/train or ml/**, or match another of the keys repositories, "
            "environments, hosts, users, groups, enforcementPoints",
            "12:44: spec.match.services[0] is 'a/b', which never matches: names of services have "
            "only letters, digits, '.', '_' and '-'",
            "13:12: spec.expires is '2027-01-31T00:00:00z': it must be a time in the format "
            "2027-01-31T00:00:00Z (T and Z must be capital letters)",
            "14:3: spec has the unknown key 'owners'; did you mean owner?",
        )
    ]
