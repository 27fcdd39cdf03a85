"""Exceptions: who need not obey a policy, for how long, and on whose word.

In: Exception documents of a policy set; a violation, and the review that it is of. Out: the
exception in force for it, if there is one. An exception without an end is refused, and so is one
for whoever picks the right name.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from policyd.errors import PolicySetError
from policyd.model import Location, Violation
from policyd.policies.manifests import check_authors, known_policy, name_and_spec, read_selector
from policyd.policies.matching import (
    EXCEPTION_KEYS,
    Selector,
    Subject,
    covers,
    why_not_granted,
)
from policyd.policies.parameters import Schema, check
from policyd.policies.yaml_documents import Value, required

DAY: Final = 86_400_000_000_000
"""Nanoseconds."""

MAX_BREAK_GLASS: Final = DAY
"""How long an exception from all policies may be in force: a night shift and the day after it."""

KEYS: Final = (
    "policies",
    "match",
    "starts",
    "expires",
    "owner",
    "reason",
    "approvedBy",
    "breakGlass",
)


State = Literal["upcoming", "active", "expired"]


class PolicyException(msgspec.Struct, frozen=True, rename="camel"):
    """One exception. Times are in nanoseconds since the epoch; `starts` 0 means always.

    `policies` is empty for a break-glass exception, which is from all of them.
    """

    name: str
    policies: tuple[str, ...]
    match: Selector
    expires: int
    owner: str
    reason: str
    approved_by: str
    location: Location
    starts: int = 0
    break_glass: bool = False

    def days_left(self, now: int) -> int:
        """Return the whole days until the exception lapses, below 0 once it has."""
        return (self.expires - now) // DAY

    def state(self, now: int) -> State:
        """Return whether the exception is over, in force, or still to come."""
        if now >= self.expires:
            return "expired"
        return "upcoming" if now < self.starts else "active"

    def why_not_in_force(self, about: Subject, now: int) -> str:
        """Return "" when the exception is in force for a review, else why it is not."""
        state = self.state(now)
        if state == "expired":
            return f"it expired on {moment(self.expires)}"
        if state == "upcoming":
            return f"it starts on {moment(self.starts)}"
        return why_not_granted(self.match, about)

    def is_for(self, violation: Violation) -> bool:
        """Say whether the exception, in force or not, is from what `violation` violates."""
        return (self.break_glass or violation.policy in self.policies) and covers(
            self.match, violation.service, violation.path
        )


def read_max_days(value: Value | None, policies: Iterable[str]) -> dict[str, int]:
    """Return how many days an exception may be in force, by policy and by `default`.

    `value` has `maxDays`: a number, or a mapping of such. None is no limit.
    """
    if value is None:
        return {}
    days = required(value.mapping(("maxDays",)), "maxDays", value)
    if days.kind() != "a mapping":
        return {"default": _days(days)}
    return {key: _days(below) for key, below in days.mapping(("default", *policies)).items()}


def read_exception(
    document: Value, policies: Iterable[str], max_days: Mapping[str, int]
) -> PolicyException:
    """Return the exception in a document. `max_days` caps its time by policy, or by `default`."""
    name, spec = name_and_spec(document)
    keys = spec.mapping(KEYS)
    match = required(keys, "match", spec)
    selector = read_selector(match, EXCEPTION_KEYS)
    check_authors(match)
    expires = required(keys, "expires", spec)
    found = PolicyException(
        name=name.text(),
        policies=_policies(spec, keys, tuple(policies)),
        match=selector,
        expires=_nanoseconds(expires),
        owner=required(keys, "owner", spec).text(),
        reason=required(keys, "reason", spec).text(),
        approved_by=required(keys, "approvedBy", spec).text(),
        location=document.where,
        starts=_nanoseconds(keys["starts"]) if "starts" in keys else 0,
        break_glass=_is_break_glass(keys),
    )
    _check_time(found, expires, max_days)
    return found


def moment(nanoseconds: int) -> str:
    """Return a time as people write it: 2027-01-31T00:00:00Z."""
    when = datetime.datetime.fromtimestamp(nanoseconds // 1_000_000_000, datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _days(value: Value) -> int:
    check(value, Schema("integer", minimum=1))
    return int(value.plain())


def _policies(spec: Value, keys: Mapping[str, Value], known: tuple[str, ...]) -> tuple[str, ...]:
    if _is_break_glass(keys):
        if "policies" in keys:
            raise keys["policies"].error("is for others: a break-glass exception is from all")
        return ()
    values = required(keys, "policies", spec)
    named = tuple(known_policy(value, known) for value in values.items())
    if not named:
        raise values.error("is empty: name the policies that need not be obeyed")
    return named


def _is_break_glass(keys: Mapping[str, Value]) -> bool:
    if "breakGlass" not in keys:
        return False
    value = keys["breakGlass"]
    if value.kind() != "true or false":
        raise value.error(f"must be true or false, not {value.kind()}")
    return bool(value.plain())


def _nanoseconds(value: Value) -> int:
    text = value.text()
    try:
        when = datetime.datetime.fromisoformat(text)
        seconds = int(when.astimezone(datetime.UTC).timestamp())
    except (ValueError, OverflowError):
        when = None
    if when is None or when.tzinfo is None or "T" not in text:
        raise value.error(f"is {text!r}: it must be a time like 2027-01-31T00:00:00Z")
    return seconds * 1_000_000_000


def _check_time(found: PolicyException, expires: Value, max_days: Mapping[str, int]) -> None:
    if found.starts >= found.expires:
        raise expires.error("is not after its start")
    longest = MAX_BREAK_GLASS if found.break_glass else _longest(found, max_days)
    if longest is None:
        return
    if not found.starts:
        raise expires.error("needs `starts`: how long this exception may last is limited")
    if found.expires - found.starts > longest:
        raise expires.error(
            f"is more than {longest // DAY} {'day' if longest == DAY else 'days'} after its start"
        )


def _longest(found: PolicyException, max_days: Mapping[str, int]) -> int | None:
    caps = [
        max_days[key]
        for policy in found.policies
        for key in (policy if policy in max_days else "default",)
        if key in max_days
    ]
    return min(caps) * DAY if caps else None


def check_names(named: Iterable[tuple[str, Location]]) -> None:
    """Raise PolicySetError when two constraints or exceptions have one name."""
    seen: dict[str, Location] = {}
    for name, location in named:
        if name in seen:
            raise PolicySetError(f"the name {name!r} is already at {seen[name]}", location)
        seen[name] = location
