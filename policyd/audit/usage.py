"""How long GPUs were held, by team, repository, host or user.

In: grants that were held in a period, the GPUs of hosts. Out: GPU-hours. Pure. A device that
several services of one group hold at the same time counts once. Held is not used: policyd does not
know what a container does with its GPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from policyd.audit.event import GrantRecord
from policyd.audit.moments import Period, nanoseconds

Grouping = Literal["team", "repository", "host", "user"]
HOUR: Final = 3600 * 1_000_000_000
"""Nanoseconds."""

_Interval = tuple[int, int]


class Usage(msgspec.Struct, frozen=True, rename="camel"):
    """What `group` held in a period: the GPU-hours, how many devices, and how many grants.

    `uncounted_hours` are the hours of grants of all devices of a host that the inventory does not
    have: how many devices these are is not known.
    """

    group: str
    gpu_hours: float
    gpus: int
    grants: int
    uncounted_hours: float


class Device(NamedTuple):
    """A device on a host; without a host, of one target."""

    place: tuple[str, ...]
    vendor: str
    identity: str


def team(repository: str, depth: int | None = None) -> str:
    """Return the team of a repository: all of its parts but the last, or its first `depth` parts.

    A repository without a slash is its own team.
    """
    parts = repository.split("/")
    return "/".join(parts[: depth or max(len(parts) - 1, 1)])


def usage(
    records: Iterable[GrantRecord],
    period: Period,
    *,
    by: Grouping = "team",
    depth: int | None = None,
    known: Mapping[str, Sequence[str]] | None = None,
) -> list[Usage]:
    """Return what each group held within `period`, most hours first.

    `records` are the grants held in it, and `period.until` is not after the current time. `known`
    has the identities of the NVIDIA GPUs of each host of the inventory, `depth` is that of `team`.
    """
    groups: dict[str, list[GrantRecord]] = {}
    for record in records:
        groups.setdefault(_group(record, by, depth), []).append(record)
    found = [_usage(name, of_group, period, known or {}) for name, of_group in groups.items()]
    return sorted(found, key=lambda one: (-one.gpu_hours, -one.uncounted_hours, one.group))


def devices(record: GrantRecord, known: Mapping[str, Sequence[str]]) -> tuple[Device, ...] | None:
    """Return the devices of a grant; None for all devices of a host that `known` does not have."""
    place = (record.host,) if record.host else tuple(record.target)
    written = record.devices
    if isinstance(written, str):
        if record.host not in known:
            return None
        names: Sequence[str] = known[record.host]
    elif record.identities:
        names = record.identities
    elif isinstance(written, dict):
        names = [str(number) for number in range(written["count"])]
    else:
        names = written
    return tuple(Device(place, record.vendor, name) for name in names)


def _group(record: GrantRecord, by: Grouping, depth: int | None) -> str:
    if by == "team":
        return team(record.repository, depth)
    return {"repository": record.repository, "host": record.host, "user": record.username}[by]


def _usage(
    group: str, records: Sequence[GrantRecord], period: Period, known: Mapping[str, Sequence[str]]
) -> Usage:
    held: dict[Device, list[_Interval]] = {}
    uncounted: dict[Device, list[_Interval]] = {}
    for record in records:
        interval = _within(record, period)
        found = devices(record, known)
        if found is None:
            everything = Device((record.host or str(record.target),), record.vendor, "all")
            uncounted.setdefault(everything, []).append(interval)
        for device in found or ():
            held.setdefault(device, []).append(interval)
    return Usage(
        group=group,
        gpu_hours=_hours(held),
        gpus=len(held),
        grants=len(records),
        uncounted_hours=_hours(uncounted),
    )


def _within(record: GrantRecord, period: Period) -> _Interval:
    start = max(record.time, period.since)
    end = min(record.ended or period.until, period.until)
    return nanoseconds(start), nanoseconds(max(start, end))


def _hours(intervals: Mapping[Device, list[_Interval]]) -> float:
    covered = sum(end - start for own in intervals.values() for start, end in _merged(own))
    return round(covered / HOUR, 3)


def _merged(intervals: list[_Interval]) -> Iterator[_Interval]:
    """Yield the times that `intervals` cover, each once."""
    begin, last = 0, 0
    for start, end in sorted(intervals):
        if start > last:
            yield begin, last
            begin = start
        last = max(last, end)
    yield begin, last
