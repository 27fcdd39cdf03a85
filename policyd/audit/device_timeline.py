"""Who held each accelerator of a host at which time, and when several did.

In: a host of the inventory, the grants on it, a period. Out: intervals of each device, in the order
of their times. Pure. Deployments of the same workload that follow one another are one interval.
Times are RFC 3339 in UTC with nanoseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from policyd.audit.event import GrantRecord
from policyd.audit.host_devices import HostDevice, host_devices
from policyd.audit.moments import Period, nanoseconds
from policyd.audit.usage import HOUR
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.inventory.hosts import Host

_DIGITS: Final = 3
"""Decimal places of hours: 3.6 seconds."""


class Holding(msgspec.Struct, frozen=True, rename="camel"):
    """A workload holds a device from `start` until before `end`, both within the period.

    `is_held` says that it still holds the device at the end of the period. The other fields are
    those of the newest of its `grants`, whose name is `grant`; `expires` is the end of its lease,
    "" if it has none. They are "" if the reader may not see it.
    """

    start: str
    end: str
    is_held: bool
    is_visible: bool
    repository: str = ""
    project: str = ""
    environment: str = ""
    service: str = ""
    username: str = ""
    decision_id: str = ""
    grant: str = ""
    grants: int = 1
    expires: str = ""


class DeviceTimeline(msgspec.Struct, frozen=True, rename="camel"):
    """A device, the workloads that held it in a period, and the times at which several did.

    `hours` is how long it was held, `double_booked_hours` how long by several workloads.
    """

    device: HostDevice
    holdings: tuple[Holding, ...]
    double_booked: tuple[Period, ...]
    hours: float
    double_booked_hours: float


def timeline(
    name: str,
    host: Host,
    records: Iterable[GrantRecord],
    period: Period,
    visibility: Visibility = EVERYTHING,
) -> list[DeviceTimeline]:
    """Return the timeline of each device of `host`, which reviews call `name`.

    `records` are all grants that were held on it in `period`, which has both ends.
    """
    return [_timeline(device, period, visibility) for device in host_devices(name, host, records)]


def overlaps(intervals: Iterable[Period]) -> tuple[Period, ...]:
    """Return the times that at least two of `intervals` cover, in order."""
    changes = sorted(change for one in intervals for change in ((one.since, 1), (one.until, -1)))
    found: list[Period] = []
    covering, since = 0, ""
    for time, change in changes:
        before, covering = covering, covering + change
        if before < 2 <= covering:
            since = time
        elif covering < 2 <= before and since < time:
            if found and found[-1].until == since:
                since = found.pop().since
            found.append(Period(since, time))
    return tuple(found)


def workload(record: GrantRecord) -> tuple[str, ...]:
    """Return what two grants of one workload share: a hook and its service are one."""
    return record.repository, record.project, record.environment, record.service


def _timeline(device: HostDevice, period: Period, visibility: Visibility) -> DeviceTimeline:
    of_workloads: dict[tuple[str, ...], list[GrantRecord]] = {}
    for record in device.grants:
        of_workloads.setdefault(workload(record), []).append(record)
    held = [
        (times, records)
        for of_workload in of_workloads.values()
        for times, records in _merged(of_workload, period)
    ]
    held.sort(key=lambda one: (one[0], one[1][-1].sequence, one[1][-1].position))
    several = overlaps(times for times, _ in held)
    once = _hours(times for times, _ in held)
    twice = sum(end - start for start, end in map(_span, several))
    return DeviceTimeline(
        msgspec.structs.replace(device, grants=()),
        tuple(_holding(times, records, period, visibility) for times, records in held),
        several,
        once,
        round(twice / HOUR, _DIGITS),
    )


def _merged(
    records: Iterable[GrantRecord], period: Period
) -> Iterator[tuple[Period, list[GrantRecord]]]:
    """Yield the times within `period` at which one of `records` was held, with these records."""
    times, merged = Period(), list[GrantRecord]()
    for record in sorted(records, key=lambda one: (one.time, one.sequence, one.position)):
        own = _within(record, period)
        if merged and own.since <= times.until:
            times = Period(times.since, max(times.until, own.until))
            merged.append(record)
            continue
        if merged:
            yield times, merged
        times, merged = own, [record]
    if merged:
        yield times, merged


def _within(record: GrantRecord, period: Period) -> Period:
    since = max(record.time, period.since)
    until = min(record.ended or record.expires or period.until, period.until)
    return Period(since, max(since, until))


def _holding(
    times: Period, records: Sequence[GrantRecord], period: Period, visibility: Visibility
) -> Holding:
    newest = records[-1]
    is_held = times.until == period.until
    if not visibility.shows(newest.repository, newest.environment, newest.host):
        return Holding(times.since, times.until, is_held, False, grants=len(records))
    return Holding(
        start=times.since,
        end=times.until,
        is_held=is_held,
        is_visible=True,
        repository=newest.repository,
        project=newest.project,
        environment=newest.environment,
        service=newest.service,
        username=newest.username,
        decision_id=newest.decision_id,
        grant=newest.name,
        grants=len(records),
        expires=newest.expires or "",
    )


def _hours(intervals: Iterable[Period]) -> float:
    """Return the hours that `intervals`, which are in order, cover together."""
    total = last = 0
    for start, end in map(_span, intervals):
        total += max(end - max(start, last), 0)
        last = max(last, end)
    return round(total / HOUR, _DIGITS)


def _span(interval: Period) -> tuple[int, int]:
    return nanoseconds(interval.since), nanoseconds(interval.until)
