"""Conditions on the table of grants: when they were held, of which device, which share one.

In: times, names of devices. Out: conditions for a query of `tables.grants`. A grant of all devices
of a vendor counts as a grant of each. Times are RFC 3339 in UTC with nanoseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypedDict

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    bindparam,
    exists,
    or_,
    select,
)

from policyd.audit.index_choice import Asked, led, unindexed
from policyd.audit.moments import ALWAYS, Period
from policyd.audit.prepared import Prepared
from policyd.audit.tables import OF_ALL_DEVICES, exception_uses, grant_devices, grants
from policyd.grants.identity import searched_names

_ALL: Final = '"all"'
"""The column `devices` of a grant of all devices."""
_ANY_VENDOR: Final = "unknown"


class GrantFilters(TypedDict, total=False):
    """Which grants are found; a filter that is None or left out excludes none.

    `active` are those that are held now, `at` those that were held then, `period` those that were
    held at some time of it. `gpu` is a name of a device: grants of it and of all devices are found.
    `double_booked` selects grants that shared a device with another one on the same host, which is
    named, while both were held. `expires_by` selects grants whose lease ends by then.
    """

    active: bool
    at: str
    period: Period
    repository: str | None
    project: str | None
    environment: str | None
    host: str | None
    username: str | None
    gpu: str | None
    exception: str | None
    double_booked: bool
    expires_by: str


_COLUMNS: Final = ("project", "repository", "username", "host", "environment")
"""The columns of filters. The first usually selects the fewest grants."""


MOST_IN_FORCE: Final = 10_000
"""Grants of one project on one host."""


def conditions(
    filters: GrantFilters, now: str, few: ColumnElement[bool] | None = None
) -> list[ColumnElement[bool]]:
    """Return the conditions of `filters` on `tables.grants`. `now` is the current time.

    With `few`, a condition that few grants meet, no column of `filters` leads to others.
    """
    held = _held(filters, now)
    found: list[ColumnElement[bool]] = held(grants)
    gpu, exception = filters.get("gpu"), filters.get("exception")
    asked: list[Asked] = [
        (grants.c[name], filters.get(name)) for name in _COLUMNS if filters.get(name) is not None
    ]
    # Few grants are active, or need an exception: the other columns are compared afterwards. The
    # index of active grants has their hosts too.
    is_led = (
        few is None and exception is None and (not filters.get("active", True) or len(asked) == 1)
    )
    found += led(asked) if is_led else unindexed(asked)
    found += [] if few is None else [few]
    if gpu is not None:
        found.append(has_device(gpu))
    if exception is not None:
        found += _needs(exception)
    if expires_by := filters.get("expires_by"):
        found += [grants.c.expires.is_not(None), grants.c.ended != "", grants.c.ended <= expires_by]
    if filters.get("double_booked"):
        found.append(_is_double_booked(held))
    return found


def has_device(name: str) -> ColumnElement[bool]:
    """Return the condition that a grant has the device `name`, in any of the forms of a name."""
    named = exists().where(
        grant_devices.c.name.in_(searched_names(name)), *_of(grant_devices, grants)
    )
    return or_(grants.c.devices == _ALL, named)


def with_device(connection: Connection, name: str, most: int) -> Sequence[int] | None:
    """Return the events that granted the device `name`, or None if more than `most` did."""
    named = select(grant_devices.c.sequence).where(grant_devices.c.name.in_(searched_names(name)))
    of_all = select(grants.c.sequence).where(OF_ALL_DEVICES)
    found: set[int] = set()
    for query in (named, of_all):
        # A decision may have granted the device several times.
        found |= {*connection.execute(query.distinct().limit(most + 1)).scalars()}
        if len(found) > most:
            return None
    return sorted(found)


def ends_after(table: Any, moment: Any) -> ColumnElement[bool]:
    """Return the condition that a grant in `table` ends after `moment`, or has no end yet."""
    return or_(table.c.ended == "", table.c.ended > moment)


def _held(filters: GrantFilters, now: str) -> Any:
    """Return a function from a table of grants to the conditions of the times of `filters`."""
    at, period = filters.get("at", ""), filters.get("period", ALWAYS)

    def held(table: Any) -> list[ColumnElement[bool]]:
        found: list[ColumnElement[bool]] = []
        if filters.get("active", True):
            found += [table.c.state == "active", ends_after(table, now)]
        if at:
            found += [table.c.time <= at, ends_after(table, at)]
        if period.until:
            found.append(table.c.time < period.until)
        if period.since:
            found.append(ends_after(table, period.since))
        return found

    return held


def _needs(exception: str) -> list[ColumnElement[bool]]:
    """Return the conditions that a grant would have been denied without `exception`."""
    uses = select(exception_uses.c.sequence).where(exception_uses.c.exception == exception)
    quoted = f'"{exception}"'
    return [grants.c.sequence.in_(uses), grants.c.exceptions.contains(quoted, autoescape=True)]


def _is_double_booked(held: Any) -> ColumnElement[bool]:
    """Return the condition that a grant shares a device with another one while both are held.

    The other grant is on the same host, which is named, and for another workload: a hook and its
    service are one here, because they do not run together.
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
    return and_(
        grants.c.host != "",
        exists().where(
            *held(other),
            other.c.host == grants.c.host,
            _begins_before_the_end(grants, other),
            _begins_before_the_end(other, grants),
            ~and_(*same_workload),
            or_(*same_vendor),
            or_(grants.c.devices == _ALL, other.c.devices == _ALL, same_device),
        ),
    )


def _begins_before_the_end(first: Any, second: Any) -> ColumnElement[bool]:
    return or_(second.c.ended == "", first.c.time < second.c.ended)


def _of(devices: Any, grant: Any) -> tuple[ColumnElement[bool], ...]:
    return (devices.c.sequence == grant.c.sequence, devices.c.position == grant.c.position)


IN_FORCE: Final = Prepared(
    select(grants)
    .where(
        grants.c.host == bindparam("of_host"),
        grants.c.state == "active",
        ends_after(grants, bindparam("moment", type_=Text)),
        *unindexed([(grants.c.project, bindparam("of_project"))]),
    )
    .order_by(grants.c.time.desc(), grants.c.sequence.desc(), grants.c.position.desc())
    .limit(MOST_IN_FORCE)
)
"""The grants of a project that are held on a host at a moment."""
