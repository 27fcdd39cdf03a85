"""Who holds the accelerators of hosts, as the console shows it: now, at a time and over a period.

In: an audit log, the hosts of the inventory, what the reader may see. Out: devices with their
grants, counts of each host, timelines. Hosts that are not visible are left out; a device is held
also if the reader may not see who holds it. What is held now is found by the state of grants, so
the time does not grow with the log. Errors: AuditError.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from policyd.audit.device_timeline import DeviceTimeline, timeline, workload
from policyd.audit.event import GrantRecord, rfc3339
from policyd.audit.grant_summaries import held_grants
from policyd.audit.host_devices import HostDevice, host_devices
from policyd.audit.moments import Period, nanoseconds
from policyd.audit.store import Store
from policyd.audit.visibility import ALL, EVERYTHING, Visibility
from policyd.inventory.hosts import Host

DAY: Final = 86_400_000_000_000
"""Nanoseconds."""
MAX_GRANTS: Final = 100_000
"""Grants that one answer takes into account."""


class DeviceState(msgspec.Struct, frozen=True, rename="camel"):
    """A device at a time, with the visible grants of it.

    `double_booked` says that several workloads hold it, `expires` is the first end of a lease of
    its grants, "" if none has one.
    """

    device: HostDevice
    double_booked: bool
    expires: str


class HostOccupancy(msgspec.Struct, frozen=True, rename="camel"):
    """The numbers of devices of `host`: all, held, free, double-booked, and expiring soon."""

    host: str
    devices: int
    held: int
    free: int
    double_booked: int
    expiring: int


def device_states(
    store: Store,
    hosts: Mapping[str, Host],
    now: int,
    *,
    at: str = "",
    visibility: Visibility = EVERYTHING,
) -> list[DeviceState]:
    """Return the devices of `hosts` that are visible, `at` a time in RFC 3339, or now.

    `now` is the current time in nanoseconds since the epoch.
    """
    visible = _visible(hosts, visibility)
    if at:
        found = _held(store, Period(at, rfc3339(nanoseconds(at) + 1)), now)
    else:
        found = store.grants(MAX_GRANTS, now=now, visibility=_hosts_only(visibility))
    by_host = _by_host(visible, found)
    return [
        _state(device, visibility)
        for name, host in visible.items()
        for device in host_devices(name, host, by_host[name])
    ]


def occupancy(
    store: Store,
    hosts: Mapping[str, Host],
    now: int,
    *,
    soon_days: int = 7,
    visibility: Visibility = EVERYTHING,
) -> list[HostOccupancy]:
    """Return the occupancy of each visible host at `now`, nanoseconds since the epoch.

    Devices expire soon when a lease of their grants ends within `soon_days` days.
    """
    soon = rfc3339(now + soon_days * DAY)
    by_host: dict[str, list[DeviceState]] = {name: [] for name in _visible(hosts, visibility)}
    for state in device_states(store, hosts, now, visibility=visibility):
        by_host[state.device.host].append(state)
    return [
        HostOccupancy(
            host=name,
            devices=len(states),
            held=sum(state.device.held for state in states),
            free=sum(not state.device.held for state in states),
            double_booked=sum(state.double_booked for state in states),
            expiring=sum("" < state.expires <= soon for state in states),
        )
        for name, states in by_host.items()
    ]


def expiring_grants(
    store: Store,
    now: int,
    days: int,
    *,
    limit: int = 50,
    visibility: Visibility = EVERYTHING,
) -> list[GrantRecord]:
    """Return the visible grants whose lease ends within `days` days of `now`, the first first.

    `now` is in nanoseconds since the epoch. The newest `limit` of them are taken into account.
    """
    until = rfc3339(now + days * DAY)
    found = store.grants(limit, now=now, visibility=visibility, expires_by=until)
    return sorted(found, key=lambda one: (one.expires or "", one.sequence, one.position))


def timelines(
    store: Store,
    hosts: Mapping[str, Host],
    period: Period,
    now: int,
    *,
    visibility: Visibility = EVERYTHING,
) -> list[DeviceTimeline]:
    """Return the timelines of the devices of `hosts`, by the names of reviews, in `period`.

    `period` has both ends; one that ends after `now`, in nanoseconds since the epoch, ends then.
    Hosts that are not visible are left out.
    """
    visible = _visible(hosts, visibility)
    period = Period(period.since, min(period.until, rfc3339(now)))
    by_host = _by_host(visible, _held(store, period, now, visible))
    return [
        one
        for name, host in visible.items()
        for one in timeline(name, host, by_host[name], period, visibility)
    ]


def _by_host(
    hosts: Mapping[str, Host], records: Iterable[GrantRecord]
) -> dict[str, list[GrantRecord]]:
    found: dict[str, list[GrantRecord]] = {name: [] for name in hosts}
    for record in records:
        if record.host in found:
            found[record.host].append(record)
    return found


def _held(
    store: Store, period: Period, now: int, hosts: Collection[str] | None = None
) -> list[GrantRecord]:
    with store.database.reading() as connection:
        return held_grants(connection, period, rfc3339(now), hosts=hosts, most=MAX_GRANTS)


def _state(device: HostDevice, visibility: Visibility) -> DeviceState:
    shown = tuple(
        one for one in device.grants if visibility.shows(one.repository, one.environment, one.host)
    )
    leases = sorted(one.expires for one in device.grants if one.expires)
    return DeviceState(
        msgspec.structs.replace(device, grants=shown),
        len({workload(one) for one in device.grants}) > 1,
        leases[0] if leases else "",
    )


def _visible(hosts: Mapping[str, Host], visibility: Visibility) -> dict[str, Host]:
    limited = _hosts_only(visibility)
    return {name: host for name, host in hosts.items() if limited.shows("", "", name)}


def _hosts_only(visibility: Visibility) -> Visibility:
    """Return what limits the hosts only: a device is held whoever holds it."""
    return visibility._replace(repositories=(ALL,), environments=(ALL,))
