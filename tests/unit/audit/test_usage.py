from __future__ import annotations

from typing import Any

from policyd.audit.event import GrantRecord
from policyd.audit.moments import Period
from policyd.audit.usage import Usage, holders_of, team
from policyd.audit.usage import usage as usage_of_holders
from policyd.model import GrantedDevices
from tests.support.cases import cases

DAY = Period("2026-03-01T00:00:00.000000000Z", "2026-03-02T00:00:00.000000000Z")


def held(
    hours: tuple[int, int | None],
    *names: str,
    devices: GrantedDevices = ("x",),
    repository: str = "acme/train",
    **fields: Any,
) -> GrantRecord:
    """Return a grant on 2026-03-01 from one hour to another, None for no end."""
    start, end = hours
    given: dict[str, Any] = {
        "sequence": 1, "position": 0, "decision_id": "d", "environment": "prod", "host": "gpu-01",
        "project": "p", "service": "s", "vendor": "nvidia", "method": "gpus", "replicas": 3,
        "username": "ana", "policy_set": "", "revision": "", "state": "active",
        "time": f"2026-03-01T{start:02}:00:00.000000000Z",
        "ended": f"2026-03-01T{end:02}:00:00.000000000Z" if end else "",
    }  # fmt: skip
    return GrantRecord(
        **{**given, "repository": repository, "devices": devices, "identities": names, **fields}
    )


def usage(records: list[GrantRecord], period: Period, **options: Any) -> list[Usage]:
    return usage_of_holders(holders_of(records, period), **options)


@cases(
    ("repository", "depth", "expected"),
    [
        ("acme/train", None, "acme"),
        ("gitlab.acme.example/ml/vision/train", None, "gitlab.acme.example/ml/vision"),
        ("gitlab.acme.example/ml/vision/train", 2, "gitlab.acme.example/ml"),
        ("train", None, "train"),
        ("train", 3, "train"),
        ("", None, ""),
    ],
)
def test_a_team_is_the_beginning_of_a_repository(
    repository: str, depth: int | None, expected: str
) -> None:
    assert team(repository, depth) == expected


def test_a_gpu_that_a_team_holds_several_times_counts_once() -> None:
    records = [held((1, 4), "0", "1"), held((3, 6), "0"), held((8, 9), "0")]

    assert usage(records, DAY) == [Usage("acme", 9.0, 2, 3, 0.0)]


def test_a_team_is_counted_for_itself_and_the_longest_comes_first() -> None:
    records = [held((1, 2), "0"), held((1, 3), "0", repository="beta/x")]

    assert usage(records, DAY) == [Usage("beta", 2.0, 1, 1, 0.0), Usage("acme", 1.0, 1, 1, 0.0)]


def test_only_the_time_within_the_period_counts() -> None:
    period = Period("2026-03-01T02:00:00.000000000Z", "2026-03-01T05:00:00.000000000Z")

    assert usage([held((0, None), "0")], period) == [Usage("acme", 3.0, 1, 1, 0.0)]
    assert usage([held((3, 23), "0")], period) == [Usage("acme", 2.0, 1, 1, 0.0)]


def test_devices_without_identity_count_as_the_project_names_them() -> None:
    old = held((1, 2), devices={"count": 4}, identities=None)
    named = held((1, 2), devices=("GPU-a", "GPU-b"), host="gpu-02", identities=None)

    assert usage([old, named], DAY) == [Usage("acme", 6.0, 6, 2, 0.0)]


def test_all_devices_are_those_of_the_inventory_or_are_not_counted() -> None:
    everything = held((1, 3), devices="all")
    elsewhere = held((1, 3), devices="all", host="gpu-02")

    assert usage([everything, elsewhere], DAY, known={"gpu-01": ("0", "1", "2")}) == [
        Usage("acme", 6.0, 3, 2, 2.0)
    ]


def test_hosts_and_vendors_have_their_own_devices() -> None:
    records = [
        held((1, 2), "0"),
        held((1, 2), "0", host="gpu-02"),
        held((1, 2), "0", vendor="amd"),
        held((1, 2), "0", host=""),
        held((1, 2), "0", host="", project="other"),
    ]

    assert usage(records, DAY) == [Usage("acme", 5.0, 5, 5, 0.0)]


def test_usage_is_summed_by_repository_host_or_user() -> None:
    records = [held((1, 2), "0"), held((1, 2), "1", repository="acme/b", username="bo")]

    assert [one.group for one in usage(records, DAY, by="repository")] == ["acme/b", "acme/train"]
    assert [one.group for one in usage(records, DAY, by="user")] == ["ana", "bo"]
    assert usage(records, DAY, by="host") == [Usage("gpu-01", 2.0, 2, 2, 0.0)]
