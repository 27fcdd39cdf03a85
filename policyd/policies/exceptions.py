"""Exceptions: who is exempt from a policy, for how long, and approved by whom.

In: the Exception documents of a policy set; a violation and its review. Out: the exception that
exempts the violation, if any. An exception must expire, and must select at least one field that the
author of a project does not control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final, Literal

import msgspec

from policyd.errors import PolicySetError
from policyd.model import Location, Violation
from policyd.policies.manifests import known_policy, read_header, read_selector
from policyd.policies.matching import (
    EXCEPTION_KEYS,
    Selector,
    Subject,
    covers,
    why_not_granted,
)
from policyd.policies.parameters import Schema, check
from policyd.policies.problems import Problems
from policyd.policies.selector_checks import identity_problem, selector_warnings
from policyd.policies.times import moment, read_time
from policyd.policies.yaml_documents import Value, required

DAY: Final = 86_400_000_000_000
"""Nanoseconds."""

MAX_BREAK_GLASS: Final = DAY
"""Longest duration of a break-glass exception: one night shift and the following day."""

KEYS: Final = (
    "policies",
    "match",
    "starts",
    "expires",
    "owner",
    "reason",
    "approvedBy",
    "breakGlass",
    "onRequest",
)


State = Literal["upcoming", "active", "expired"]


class PolicyException(msgspec.Struct, frozen=True, rename="camel"):
    """One exception. Times are in nanoseconds since the epoch; `starts` is 0 when it is not set.

    `policies` is empty for a break-glass exception, which bypasses all policies. With `on_request`,
    it covers only violations for which a comment in the file asks (see inline_requests).
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
    on_request: bool = False

    def days_left(self, now: int) -> int:
        """Return the whole days until the exception expires, or a negative number afterwards."""
        return (self.expires - now) // DAY

    def state(self, now: int) -> State:
        """Return whether the exception is expired, active, or upcoming at the time `now`."""
        if now >= self.expires:
            return "expired"
        return "upcoming" if now < self.starts else "active"

    def why_not_in_force(self, about: Subject, now: int) -> str:
        """Return "" when the exception applies to the review `about`, else the reason why not."""
        state = self.state(now)
        if state == "expired":
            return f"it expired on {moment(self.expires)}"
        if state == "upcoming":
            return f"it starts on {moment(self.starts)}"
        return why_not_granted(self.match, about)

    def is_for(self, violation: Violation) -> bool:
        """Return whether the exception covers `violation`, whether or not it is active."""
        return (self.break_glass or violation.policy in self.policies) and covers(
            self.match, violation.service, violation.path
        )


def read_max_days(value: Value | None, policies: Iterable[str] | None) -> dict[str, int]:
    """Return the maximum duration of an exception in days, by policy ID and by `default`.

    `value` has the key `maxDays`: a number, or a mapping of numbers. None means no limit.
    `policies` are the known ones; None means that they are not known.
    """
    if value is None:
        return {}
    days = required(value.mapping(("maxDays",)), "maxDays", value)
    if days.kind() != "a mapping":
        return {"default": _days(days)}
    known = None if policies is None else ("default", *policies)
    return {key: _days(below) for key, below in days.mapping(known).items()}


def read_exception(
    document: Value,
    policies: Iterable[str] | None,
    max_days: Mapping[str, int],
    problems: Problems,
) -> PolicyException | None:
    """Return the exception in a document, or None after adding its errors to `problems`.

    `policies` are the known ones; None means that they are not known. `max_days` limits its
    duration, see `read_max_days`.
    """
    before = len(problems)
    header = read_header(document, problems)
    if header is None:
        return None
    spec = header.spec
    keys = spec.known(KEYS, problems)
    break_glass = problems.attempt(lambda: _is(keys, "breakGlass"), False)
    on_request = problems.attempt(lambda: _is_on_request(keys, break_glass), False)
    owner, reason, approved_by = (
        problems.attempt(partial(_text, keys, key, spec), "")
        for key in ("owner", "reason", "approvedBy")
    )
    found = PolicyException(
        name=header.name,
        policies=problems.attempt(lambda: _policies(spec, keys, policies, break_glass), ()),
        match=_match(keys, spec, problems),
        expires=problems.attempt(lambda: read_time(required(keys, "expires", spec)), 0),
        owner=owner,
        reason=reason,
        approved_by=approved_by,
        location=document.where,
        starts=problems.attempt(lambda: read_time(keys["starts"]), 0) if "starts" in keys else 0,
        break_glass=break_glass,
        on_request=on_request,
    )
    if len(problems) == before:
        with problems.collecting():
            _check_time(found, keys["expires"], max_days)
    if len(problems) > before:
        return None
    problems.warnings += selector_warnings(keys["match"])
    return found


def _days(value: Value) -> int:
    check(value, Schema("integer", minimum=1))
    return int(value.plain())


def _text(keys: Mapping[str, Value], key: str, spec: Value) -> str:
    return required(keys, key, spec).text()


def _match(keys: Mapping[str, Value], spec: Value, problems: Problems) -> Selector:
    selector = Selector()
    with problems.collecting():
        match = required(keys, "match", spec)
        selector = read_selector(match, problems, EXCEPTION_KEYS)
        if problem := identity_problem(match):
            raise problem
    return selector


def _policies(
    spec: Value, keys: Mapping[str, Value], known: Iterable[str] | None, break_glass: bool
) -> tuple[str, ...]:
    if break_glass:
        if "policies" in keys:
            raise keys["policies"].error("must not be set: break-glass bypasses all policies")
        return ()
    values = required(keys, "policies", spec)
    named = tuple(known_policy(value, known) for value in values.items())
    if not named:
        raise values.error("is empty: it must name at least one policy")
    for number, value in enumerate(values.items()):
        if value.text() in named[:number]:
            raise value.error(f"is {value.text()!r}, which the list already has")
    return named


def _is(keys: Mapping[str, Value], key: str) -> bool:
    if key not in keys:
        return False
    value = keys[key]
    if value.kind() != "a boolean":
        raise value.error(f"must be a boolean, not {value.kind()}")
    return bool(value.plain())


def _is_on_request(keys: Mapping[str, Value], break_glass: bool) -> bool:
    on_request = _is(keys, "onRequest")
    if on_request and break_glass:
        raise keys["onRequest"].error("must not be set: break-glass bypasses all policies")
    return on_request


def _check_time(found: PolicyException, expires: Value, max_days: Mapping[str, int]) -> None:
    if found.starts >= found.expires:
        raise expires.error("must be later than `starts`")
    longest = MAX_BREAK_GLASS if found.break_glass else _longest(found, max_days)
    if longest is None:
        return
    if not found.starts:
        raise expires.error(f"requires `starts`: the exception may last at most {_plural(longest)}")
    if found.expires - found.starts > longest:
        raise expires.error(
            f"is too late: the exception may last at most {_plural(longest)} from `starts`"
        )


def _plural(duration: int) -> str:
    return "1 day" if duration == DAY else f"{duration // DAY} days"


def _longest(found: PolicyException, max_days: Mapping[str, int]) -> int | None:
    caps = [
        max_days[key]
        for policy in found.policies
        for key in (policy if policy in max_days else "default",)
        if key in max_days
    ]
    return min(caps) * DAY if caps else None


def check_names(named: Iterable[tuple[str, Location]]) -> None:
    """Raise PolicySetError when two constraints, or two exceptions, have the same name."""
    seen: dict[str, Location] = {}
    for name, location in named:
        if name in seen:
            raise PolicySetError(f"duplicate name {name!r}, already used at {seen[name]}", location)
        seen[name] = location
