"""Who holds the accelerators of hosts, and for how long teams held them: the same for CLI and API.

In: an audit log, the hosts of the inventory, what the reader may see. Out: documents of
policyd.wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Unpack

import msgspec

from policyd import wire
from policyd.audit import grant_summaries
from policyd.audit.grant_queries import GrantFilters
from policyd.audit.host_devices import HostDevice, host_devices, identities
from policyd.audit.moments import Period, nanoseconds
from policyd.audit.usage import Grouping, Held, Holder, holders_of, usage
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.inventory.hosts import Host

if TYPE_CHECKING:
    from policyd.audit.store import Store

MAX_GRANTS: Final = 10_000_000
"""Grants that one answer takes into account."""


def device_list(
    store: Store,
    hosts: Mapping[str, Host],
    at: str,
    *,
    free: bool = False,
    visibility: Visibility = EVERYTHING,
) -> wire.DeviceList:
    """Return the devices of `hosts`, each with the visible grants that are held `at` a time.

    A device is held also if its grants are not visible. With `free`, only the others are returned.
    Hosts that are not visible are left out.
    """
    items: list[HostDevice] = []
    for name, host in hosts.items():
        if not visibility._replace(repositories=("**",), environments=("**",)).shows("", "", name):
            continue
        held = store.grants(MAX_GRANTS, active=False, at=at, host=name)
        items += [
            msgspec.structs.replace(
                device,
                grants=tuple(
                    one
                    for one in device.grants
                    if visibility.shows(one.repository, one.environment, one.host)
                ),
            )
            for device in host_devices(name, host, held)
            if not (free and device.held)
        ]
    return wire.DeviceList(at=at, items=items)


def usage_list(
    store: Store,
    within: Period,
    now: str,
    *,
    by: Grouping = "team",
    depth: int | None = None,
    hosts: Mapping[str, Host],
    visibility: Visibility = EVERYTHING,
    **filters: Unpack[GrantFilters],
) -> wire.UsageList:
    """Return the usage in the period `within`, which ends at `now` at the latest.

    `hosts` are those of the inventory. Only visible grants that `filters` select count.
    """
    until = min(within.until, now) if within.until else now
    within = Period(within.since, until)
    known = {name: identities(host) for name, host in hosts.items()}
    holders = _holders(store, within, now, visibility, filters)
    items = usage(holders, by=by, depth=depth, known=known)
    return wire.UsageList(since=within.since, until=until, by=by, items=items)


def _holders(
    store: Store, within: Period, now: str, visibility: Visibility, filters: GrantFilters
) -> dict[Holder, Held]:
    """Return the visible holders that `filters` select, with what they held."""
    filters = {**filters, "active": False, "period": within}
    asked = {name: value for name, value in filters.items() if value is not None}
    if asked.keys() - {*Holder._fields, "active", "period"}:  # summaries have nothing else
        records = store.grants(MAX_GRANTS, now=nanoseconds(now), visibility=visibility, **filters)
        return holders_of(records, within)
    with store.database.reading() as connection:
        found = grant_summaries.holders(connection, within)
    return {
        one: held
        for one, held in found.items()
        if visibility.shows(one.repository, one.environment, one.host)
        and all(getattr(one, name) == asked.get(name, getattr(one, name)) for name in one._fields)
    }
