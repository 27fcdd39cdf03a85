"""Conditions on the table of grants: which grants are of a device, which share one.

In: names of devices. Out: conditions for a query of `tables.grants`. A grant of all devices of a
vendor counts as a grant of each.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, or_

from policyd.audit.tables import grant_devices, grants
from policyd.grants.identity import searched_names

_ALL: Final = '"all"'
"""The column `devices` of a grant of all devices."""
_ANY_VENDOR: Final = "unknown"


def has_device(name: str) -> ColumnElement[bool]:
    """Return the condition that a grant has the device `name`, in any of the forms of a name."""
    named = exists().where(
        grant_devices.c.name.in_(searched_names(name)), *_of(grant_devices, grants)
    )
    return or_(grants.c.devices == _ALL, named)


def is_double_booked() -> ColumnElement[bool]:
    """Return the condition that an active grant shares a device with another one.

    The other grant is active, on the same host, which is named, and for another workload: a hook
    and its service are one here, because they do not run together.
    """
    other = grants.alias("other")
    mine, theirs = grant_devices.alias("mine"), grant_devices.alias("theirs")
    same_workload = [
        grants.c[name] == other.c[name]
        for name in ("repository", "project", "environment", "service")
    ]
    same_vendor = [
        grants.c.vendor == other.c.vendor,
        and_(grants.c.devices == _ALL, grants.c.vendor == _ANY_VENDOR),
        and_(other.c.devices == _ALL, other.c.vendor == _ANY_VENDOR),
    ]
    same_device = (
        exists()
        .where(*_of(mine, grants), *_of(theirs, other), mine.c.name == theirs.c.name)
        .correlate(grants, other)
    )
    shares = exists().where(
        other.c.state == "active",
        other.c.host == grants.c.host,
        ~and_(*same_workload),
        or_(*same_vendor),
        or_(grants.c.devices == _ALL, other.c.devices == _ALL, same_device),
    )
    return and_(grants.c.state == "active", grants.c.host != "", shares)


def _of(devices: Any, grant: Any) -> tuple[ColumnElement[bool], ...]:
    return (devices.c.sequence == grant.c.sequence, devices.c.position == grant.c.position)
