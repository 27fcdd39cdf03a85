from __future__ import annotations

import msgspec
import pytest

from policyd.bundle import memory_bundle
from policyd.compose import load
from policyd.compose.project import Project
from policyd.errors import LeaseError
from policyd.leases import leased
from policyd.model import Grant

NOW = 1_795_446_000_000_000_000
"""2026-11-23T15:00:00Z."""
GRANT = Grant("web", "nvidia", "gpus", {"count": 1}, 1, ("services", "web", "gpus", 0))


def project(text: str) -> Project:
    content = f"services: {{web: {{image: x}}}}\n{text}\n".encode()
    return load(memory_bundle({"compose.yaml": content}))


@pytest.mark.parametrize(
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
    (grant,) = leased((GRANT,), project(text), NOW)
    assert grant == msgspec.structs.replace(GRANT, expires=end)


@pytest.mark.parametrize(
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
        leased((GRANT,), project(text), NOW)
    assert str(caught.value).startswith(f"compose.yaml:2:18: x-policyd-until {fault}")
    assert caught.value.masked == str(caught.value)
    assert caught.value.status.code == 422


def test_an_end_that_is_over_matters_only_to_grants() -> None:
    assert leased((), project("x-policyd-until: 2020-01-01"), NOW) == ()
    with pytest.raises(LeaseError):
        leased((), project("x-policyd-until: soon"), NOW)
