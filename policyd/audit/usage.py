"""How long GPUs were held, by team, repository, host or user.

In: who held what in a period, the GPUs of hosts. Out: GPU-hours. Pure. A device that several
services of one group hold at the same time counts once. Held is not used: policyd does not know
what a container does with its GPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import msgspec

from policyd.audit.event import GrantRecord
from policyd.audit.moments import Period, nanoseconds
from policyd.grants.identity import first
from policyd.model import GrantedDevices

Grouping = Literal["team", "repository", "host", "user"]
HOUR: Final = 3600 * 1_000_000_000
"""Nanoseconds."""

Interval = tuple[int, int]
"""From a time until before another, in nanoseconds since a common origin."""


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


class Holder(NamedTuple):
    """Who holds which devices: all grants of one holder have these in common.

    `devices` are the names of the devices, None for all devices of the host.
    """

    repository: str
    environment: str
    host: str
    project: str
    username: str
    vendor: str
    devices: tuple[str, ...] | None


class Held(NamedTuple):
    """What a holder held in a period: the number of grants, and the times at which they were held.

    `times` are beginnings and ends in turn, in order, in nanoseconds since the epoch.
    """

    grants: int
    times: list[int]


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
    holders: Mapping[Holder, Held],
    *,
    by: Grouping = "team",
    depth: int | None = None,
    known: Mapping[str, Sequence[str]] | None = None,
) -> list[Usage]:
    """Return what each group of `holders` held, most hours first.

    `known` has the identities of the NVIDIA GPUs of each host of the inventory, `depth` is that of
    `team`.
    """
    groups: dict[str, list[tuple[Holder, Held]]] = {}
    for holder, held in holders.items():
        groups.setdefault(_group(holder, by, depth), []).append((holder, held))
    found = [_usage(name, of_group, known or {}) for name, of_group in groups.items()]
    return sorted(found, key=lambda one: (-one.gpu_hours, -one.uncounted_hours, one.group))


def holders_of(records: Iterable[GrantRecord], period: Period) -> dict[Holder, Held]:
    """Return who held what within `period`, whose end is not after the current time.

    `records` are the grants that were held in it.
    """
    found: dict[Holder, list[Interval]] = {}
    for record in records:
        holder = Holder(
            *(record.repository, record.environment, record.host, record.project),
            *(record.username, record.vendor, granted_devices(record.devices, record.identities)),
        )
        found.setdefault(holder, []).append(_within(record, period))
    return {holder: Held(len(times), join(times)) for holder, times in found.items()}


def granted_devices(
    written: GrantedDevices, identities: Sequence[str] | None
) -> tuple[str, ...] | None:
    """Return the names of the devices of a grant, None for all devices of its host.

    `written` is what the project asks for. A grant of an early version has no `identities`.
    """
    if isinstance(written, str):
        return None
    if identities:
        return tuple(identities)
    return first(written["count"]) if isinstance(written, dict) else tuple(written)


def join(intervals: Iterable[Interval]) -> list[int]:
    """Return the times that `intervals` cover, each once: beginnings and ends in turn."""
    found: list[int] = []
    for start, end in sorted(intervals):
        if found and start <= found[-1]:
            found[-1] = max(found[-1], end)
        elif start < end:
            found += (start, end)
    return found


def _group(holder: Holder, by: Grouping, depth: int | None) -> str:
    if by == "team":
        return team(holder.repository, depth)
    return {"repository": holder.repository, "host": holder.host, "user": holder.username}[by]


def _usage(
    group: str, holders: Iterable[tuple[Holder, Held]], known: Mapping[str, Sequence[str]]
) -> Usage:
    counted: dict[Device, list[Interval]] = {}
    uncounted: dict[Device, list[Interval]] = {}
    grants = 0
    for holder, held in holders:
        grants += held.grants
        times = list(zip(held.times[::2], held.times[1::2], strict=True))
        target = (holder.repository, holder.project, holder.environment, holder.host)
        place = (holder.host,) if holder.host else target
        names = known.get(holder.host) if holder.devices is None else holder.devices
        if names is None:
            uncounted.setdefault(Device(place, holder.vendor, "all"), []).extend(times)
        for name in names or ():
            counted.setdefault(Device(place, holder.vendor, name), []).extend(times)
    return Usage(
        group=group,
        gpu_hours=_hours(counted),
        gpus=len(counted),
        grants=grants,
        uncounted_hours=_hours(uncounted),
    )


def _within(record: GrantRecord, period: Period) -> Interval:
    start = max(record.time, period.since)
    end = min(record.ended or period.until, period.until)
    return nanoseconds(start), nanoseconds(max(start, end))


def _hours(intervals: Mapping[Device, list[Interval]]) -> float:
    joined = map(join, intervals.values())
    covered = sum(sum(times[1::2]) - sum(times[::2]) for times in joined)
    return round(covered / HOUR, 3)
