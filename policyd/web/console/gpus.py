"""/console/gpus: who holds which GPU, and what is free?

In: a time, a period before it, perhaps a host. Out: each device of the inventory with its holders,
as a table, and over the period as a picture with its table. A device whose holders the reader may
not see is shown as held.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from flask import Blueprint, Response, g, request

from policyd.audit.device_timeline import DeviceTimeline
from policyd.audit.event import rfc3339
from policyd.audit.moments import Period, nanoseconds, read_moment
from policyd.audit.occupancy import DAY, DeviceState, device_states, timelines
from policyd.config import Scope
from policyd.errors import NotFound, RequestError
from policyd.formats.grant_words import workload
from policyd.grants.resolution import inventory
from policyd.inventory.hosts import Host
from policyd.services import Services
from policyd.web import access
from policyd.web.console.gpu_picture import picture
from policyd.web.console.pages import Listing, PageQuery, fitting, page
from policyd.web.query import parameters

SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {"/console/gpus": ("audit:read",)}
PERIODS: Final = {"24h": (1, "24 hours"), "7d": (7, "7 days"), "30d": (30, "30 days")}
"""The periods: their days, and their names."""
SOON_DAYS: Final = 7
"""Days before its end in which a lease is marked."""
MAX_DEVICES: Final = 40
"""Devices of one page, unless one host has more."""
MAX_HOSTS: Final = 60
"""Hosts that are listed on one page."""
SHOWN_HOLDINGS: Final = 60
"""Rows of the table of the picture."""
DEVICES: Final = {
    "host": "Host",
    "device": "Device",
    "vendor": "Vendor",
    "model": "Model",
    "uuid": "UUID",
    "state": "State",
    "grants": "Held by",
}
"""The columns of the devices as CSV."""
HOLDINGS: Final = {
    "host": "Host",
    "device": "Device",
    "repository": "Repository",
    "project": "Project",
    "environment": "Environment",
    "service": "Service",
    "username": "User",
    "start": "From",
    "end": "Until",
    "isHeld": "Still held",
    "expires": "Expires",
    "decisionId": "Decision",
}
"""The columns of the holdings as CSV."""


class GpusQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """`at` is a time, "" for now; `list` says which list is asked for as JSON or CSV."""

    at: str = ""
    period: Literal["24h", "7d", "30d"] = "24h"
    host: str = ""
    list: Literal["devices", "holdings"] = "devices"


class HostSummary(NamedTuple):
    """The numbers of devices of a host, and whether the page shows them."""

    name: str
    devices: int
    held: int
    double_booked: int
    expiring: int
    is_shown: bool

    @property
    def free(self) -> int:
        """The number of devices that nobody holds."""
        return self.devices - self.held


class _View(NamedTuple):
    """What a page shows: the end of its period, the present time, the states of all devices."""

    at: str
    now: int
    period: Period
    hosts: Mapping[str, Host]
    states: Sequence[DeviceState]

    @property
    def soon(self) -> str:
        """Leases that end until then are marked."""
        return rfc3339(nanoseconds(self.at) + SOON_DAYS * DAY)


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route."""

    @blueprint.get("/gpus")
    def gpus() -> Response:
        query = parameters(request, GpusQuery)
        view = _view(services, query)
        hosts = _summaries(view, query.host)
        shown = {one.name for one in hosts if one.is_shown}
        drawn = _timelines(services, view, shown) if _needs_timelines(query) else []
        states = [one for one in view.states if one.device.host in shown]
        return page(
            "gpus.html",
            "GPUs",
            query,
            _listing(query, states, drawn, view),
            view=view,
            hosts=_listed(hosts, query.host),
            hosts_in_all=len(hosts),
            states=states,
            word=lambda state: state_of(state, view.soon),
            workload=workload,
            picture=picture(drawn, view.period, view.soon) if drawn else None,
            holdings=list(itertools.islice(_holdings(drawn), SHOWN_HOLDINGS)),
            holdings_in_all=sum(len(one.holdings) for one in drawn),
            periods=PERIODS,
        )


def state_of(state: DeviceState, soon: str) -> str:
    """Return the state of a device in words; a lease that ends until `soon` ends soon."""
    if state.double_booked:
        return "double-booked"
    if "" < state.expires <= soon:
        return "expires soon"
    return "held" if state.device.held else "free"


def _needs_timelines(query: GpusQuery) -> bool:
    return query.format == "html" or query.list == "holdings"


def _view(services: Services, query: GpusQuery) -> _View:
    now = services.clock()
    at = read_moment(query.at, "at") if query.at else rfc3339(now)
    if at > rfc3339(now):
        raise RequestError(f"at: {query.at} is in the future")
    days, _ = PERIODS[query.period]
    hosts = inventory(services.policy_set.data)
    visibility = access.visibility(g.token)
    states = device_states(
        services.audit, hosts, now, at=at if query.at else "", visibility=visibility
    )
    if query.host and query.host not in {one.device.host for one in states}:
        raise NotFound(f"the inventory of the policy set has no host {query.host!r}")
    period = Period(rfc3339(max(nanoseconds(at) - days * DAY, 0)), at)
    return _View(at, now, period, hosts, states)


def _summaries(view: _View, chosen: str) -> list[HostSummary]:
    """Return the hosts; those are shown whose devices fit on a page, or the one that is chosen."""
    of_hosts: dict[str, list[DeviceState]] = {}
    for state in view.states:
        of_hosts.setdefault(state.device.host, []).append(state)
    found, shown = [], 0
    for name, states in of_hosts.items():
        fits = not shown or shown + len(states) <= MAX_DEVICES
        is_shown = name == chosen if chosen else fits
        shown += len(states) if is_shown else 0
        found.append(
            HostSummary(
                name,
                len(states),
                sum(one.device.held for one in states),
                sum(one.double_booked for one in states),
                sum("" < one.expires <= view.soon for one in states),
                is_shown,
            )
        )
    return found


def _listed(hosts: Sequence[HostSummary], chosen: str) -> list[HostSummary]:
    """Return the hosts that the page lists: the chosen one, and the first that fit."""
    ordered = sorted(hosts, key=lambda one: one.name != chosen) if chosen else hosts
    names = set(fitting((one.name for one in ordered), MAX_HOSTS))
    return [one for one in hosts if one.name in names]


def _timelines(services: Services, view: _View, shown: set[str]) -> list[DeviceTimeline]:
    hosts = {name: host for name, host in view.hosts.items() if name in shown}
    visibility = access.visibility(g.token)
    return timelines(services.audit, hosts, view.period, view.now, visibility=visibility)


def _listing(
    query: GpusQuery,
    states: Sequence[DeviceState],
    drawn: Sequence[DeviceTimeline],
    view: _View,
) -> Listing:
    if query.list == "holdings":
        return Listing("gpu-holdings", HOLDINGS, list(_holdings(drawn)))
    return Listing("gpus", DEVICES, [_device(one, view.soon) for one in states])


def _device(state: DeviceState, soon: str) -> dict[str, Any]:
    device = state.device
    return {
        "host": device.host,
        "device": device.device,
        "vendor": device.vendor,
        "model": device.model,
        "uuid": device.uuid,
        "state": state_of(state, soon),
        "expires": state.expires,
        "grants": [
            f"{one.repository} {one.project}/{workload(one)} ({one.name})" for one in device.grants
        ],
    }


def _holdings(drawn: Sequence[DeviceTimeline]) -> Iterator[dict[str, Any]]:
    for timeline in drawn:
        for one in timeline.holdings:
            yield {
                "host": timeline.device.host,
                "device": timeline.device.device,
                "repository": one.repository,
                "project": one.project,
                "environment": one.environment,
                "service": one.service,
                "username": one.username,
                "start": one.start,
                "end": one.end,
                "isHeld": one.is_held,
                "isVisible": one.is_visible,
                "expires": one.expires,
                "decisionId": one.decision_id,
            }
