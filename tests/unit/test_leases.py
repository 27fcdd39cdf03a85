from __future__ import annotations

import msgspec
import pytest

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.compose.project import Project
from policyd.errors import LeaseError
from policyd.leases import Leases, Maximum, leased
from policyd.model import Grant, Location
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector
from tests.support.cases import cases

NOW = 1_795_446_000_000_000_000
"""2026-11-23T15:00:00Z."""
GRANT = Grant("web", "nvidia", "gpus", {"count": 1}, 1, ("services", "web", "gpus", 0))


DAY = 86_400_000_000_000


def unlimited(_service: str) -> Maximum:
    return None


def limited(days: int, name: str = "short") -> Maximum:
    constraint = Constraint(
        name, "p", {"default": "deny"}, Selector(), Selector(), {}, Location(""),
        max_lease=f"{days}d",
    )  # fmt: skip
    return days * DAY, constraint


def project(text: str) -> Project:
    content = f"services: {{web: {{image: x}}}}\n{text}\n".encode()
    return load(memory_bundle({"compose.yaml": content}))


@cases(
    ("text", "end"),
    [
        ("", ""),
        ("x-policyd-until: 2027-01-31", "2027-01-31T00:00:00.000000000Z"),
        ("x-policyd-until: '2027-01-31'", "2027-01-31T00:00:00.000000000Z"),
        ("x-policyd-until: '2026-11-23T16:00:01+01:00'", "2026-11-23T15:00:01.000000000Z"),
        ("x-policyd-until: '***'", ""),
    ],
)
def test_the_project_states_the_end_of_its_grants(text: str, end: str) -> None:
    found = leased((GRANT,), project(text), NOW, unlimited)
    assert found == Leases((msgspec.structs.replace(GRANT, expires=end),))


@cases(
    ("text", "end", "is_shortened"),
    [
        ("", "2026-11-30T15:00:00.000000000Z", False),
        ("x-policyd-until: 2026-11-24", "2026-11-24T00:00:00.000000000Z", False),
        ("x-policyd-until: '2026-11-30T15:00:00Z'", "2026-11-30T15:00:00.000000000Z", False),
        ("x-policyd-until: '2026-11-30T15:00:01Z'", "2026-11-30T15:00:00.000000000Z", True),
        ("x-policyd-until: 2027-01-31", "2026-11-30T15:00:00.000000000Z", True),
    ],
)
def test_a_constraint_limits_the_lease(text: str, end: str, is_shortened: bool) -> None:
    found = leased((GRANT, GRANT), project(text), NOW, lambda _: limited(7))

    assert [grant.expires for grant in found.grants] == [end, end]
    warning = (
        "x-policyd-until is later than the constraint short permits (maxLease: 7d); grants end at "
        "2026-11-30T15:00:00Z"
    )
    assert found.warnings == ((warning,) if is_shortened else ())


def test_each_service_has_the_maximum_of_its_constraints() -> None:
    grants = tuple(msgspec.structs.replace(GRANT, service=name) for name in ("a", "b", "c"))
    maxima = {"a": limited(1, "one"), "b": limited(2, "two"), "c": None}

    found = leased(grants, project("x-policyd-until: 2026-12-24"), NOW, maxima.__getitem__)

    assert [grant.expires[:10] for grant in found.grants] == [
        "2026-11-24", "2026-11-25", "2026-12-24",
    ]  # fmt: skip
    assert [warning.split()[6] for warning in found.warnings] == ["one", "two"]


@cases(
    ("text", "fault"),
    [
        ("x-policyd-until: tomorrow", "is not a date such as 2027-01-31, or a time such as "),
        ("x-policyd-until: [2027]", "is not a date such as"),
        ("x-policyd-until: 7", "is not a date such as"),
        ("x-policyd-until: ''", "is not a date such as"),
        ("x-policyd-until: 2026-11-23", "is over: the grants of the project would not begin"),
        ("x-policyd-until: '2026-11-23T15:00:00Z'", "is over"),
    ],
)
def test_another_end_is_an_error_at_its_place_without_the_value(text: str, fault: str) -> None:
    with pytest.raises(LeaseError) as caught:
        leased((GRANT,), project(text), NOW, unlimited)
    assert str(caught.value).startswith(f"compose.yaml:2:18: x-policyd-until {fault}")
    assert caught.value.masked == str(caught.value)
    assert caught.value.status.code == 422


def test_an_end_that_is_over_matters_only_to_grants() -> None:
    assert leased((), project("x-policyd-until: 2020-01-01"), NOW, unlimited) == Leases(())
    with pytest.raises(LeaseError):
        leased((), project("x-policyd-until: soon"), NOW, unlimited)
