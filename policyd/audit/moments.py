"""Read the times of queries of the audit log, and compare them with those in its tables.

In: a date, or a time in RFC 3339. Out: RFC 3339 in UTC with nanoseconds, which sorts by time. A
date is its first moment in UTC, so March is from 2026-03-01 until 2026-04-01.
"""

from __future__ import annotations

import datetime
import functools
from typing import Final, NamedTuple

from policyd.errors import RequestError
from policyd.lazy_pattern import lazy_pattern

_TIME: Final = lazy_pattern(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:T([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2}))?"
)
_FORMS: Final = "a date such as 2026-03-01, or a time such as 2026-03-01T08:00:00Z"


class Period(NamedTuple):
    """From `since` until before `until`; "" is no limit."""

    since: str = ""
    until: str = ""


ALWAYS: Final = Period()


def read_moment(text: str, name: str) -> str:
    """Return the time in `text`. Raises RequestError, which names the option `name`."""
    found = _TIME.fullmatch(text)
    if not found:
        raise RequestError(f"{name}: {text!r} is not {_FORMS}")
    day, clock, fraction, offset = found.groups()
    if offset == "-00:00":
        raise RequestError(f"{name}: {text!r} has the offset -00:00, which means an unknown one")
    try:
        when = datetime.datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{offset or 'Z'}")
        utc = when.astimezone(datetime.UTC)
    except (ValueError, OverflowError) as error:
        raise RequestError(f"{name}: {text!r}: there is no such day or time") from error
    seconds = utc.replace(tzinfo=None).isoformat(timespec="seconds")
    return f"{seconds}.{(fraction or '').ljust(9, '0')}Z"


def read_period(since: str | None, until: str | None, names: tuple[str, str]) -> Period:
    """Return the period from `since` until before `until`; None is no limit. Raises RequestError.

    `names` are those of the two options.
    """
    period = Period(
        read_moment(since, names[0]) if since is not None else "",
        read_moment(until, names[1]) if until is not None else "",
    )
    if period.since and period.until and period.since >= period.until:
        raise RequestError(f"{names[1]} must be after {names[0]}")
    return period


def read_when(
    at: str | None, since: str | None, until: str | None, prefix: str = ""
) -> tuple[str, Period]:
    """Return the moment `at`, "" for None, and the period. Raises RequestError for both together.

    `prefix` stands before the names of the options in errors.
    """
    if at is not None and (since is not None or until is not None):
        raise RequestError(f"{prefix}at cannot be combined with {prefix}since and {prefix}until")
    period = read_period(since, until, (f"{prefix}since", f"{prefix}until"))
    return (read_moment(at, f"{prefix}at") if at is not None else ""), period


def nanoseconds(moment: str) -> int:
    """Return a time of the audit log, or one from `read_moment`, in nanoseconds since the epoch."""
    clock, _, fraction = moment[11:].removesuffix("Z").partition(".")
    hours, minutes, seconds = clock.split(":")
    second = _day(moment[:10]) + int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    return second * 1_000_000_000 + int(fraction.ljust(9, "0"))


@functools.lru_cache(1024)
def _day(date: str) -> int:
    """Return the beginning of a day in seconds since the epoch."""
    return int(datetime.datetime.fromisoformat(f"{date}T00:00:00+00:00").timestamp())
