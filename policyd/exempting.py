"""Which violations exceptions exempt.

In: violations and what applies to the review. Out: the violations that remain, and the exempted
ones with the exception of each. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from policyd.model import Exempted, Violation
from policyd.policies.applicability import Applicability
from policyd.policies.exceptions import PolicyException
from policyd.policies.inline_requests import Requests
from policyd.policies.times import moment

MAX_EXPIRED: Final = 3
"""Expired exceptions that the message of one violation names."""


class ByName(NamedTuple):
    """Exceptions that apply where the receipt of a decision proves names.

    `why_not` returns "" if it proves them for a violation, else the reason why not.
    """

    applicability: Applicability
    decision_id: str
    why_not: Callable[[Violation], str]


def exempt(
    violations: Iterable[Violation],
    applicability: Applicability,
    requests: Requests,
    by_name: Sequence[ByName] = (),
) -> tuple[tuple[Violation, ...], tuple[Exempted, ...]]:
    """Return the violations that remain, and those that exceptions exempt.

    `by_name` is asked for those that no exception of `applicability` exempts.
    """
    remaining: list[Violation] = []
    exempted: list[Exempted] = []
    now = applicability.review.now
    for violation in violations:
        request = _request(violation, requests)
        is_requested = request != ""
        exception = applicability.exemption(violation, is_requested=is_requested)
        if exception:
            exempted.append(_exempted(violation, exception, now, request))
            continue
        named, reasons = _named(violation, by_name, is_requested)
        if named:
            exempted.append(_exempted(violation, named, now, request, reasons))
            continue
        # What applies by names includes what applies without them.
        last = by_name[0].applicability if by_name else applicability
        reasons += _expired(
            *last.expired_exemptions(violation, MAX_EXPIRED, is_requested=is_requested)
        )
        remaining.append(
            msgspec.structs.replace(violation, message=violation.message + reasons)
            if reasons
            else violation
        )
    return tuple(remaining), tuple(exempted)


def _named(
    violation: Violation, by_name: Sequence[ByName], is_requested: bool
) -> tuple[PolicyException | None, str]:
    """Return the exception that applies by proven names, and the end of its reason.

    Else return the end of the message that says why an exception does not apply, "" if none could.
    """
    reason = ""
    for applicability, decision_id, why_not in by_name:
        exception = applicability.exemption(violation, is_requested=is_requested)
        if exception is None:
            continue
        why = why_not(violation)
        if not why:
            return exception, f"; names proven by the receipt of the decision {decision_id}"
        reason = reason or f"; the exception {exception.name} for it does not apply: {why}"
    return None, reason


def _expired(named: Sequence[PolicyException], number: int) -> str:
    """Return the end of a message that names exceptions that expired, `number` in all."""
    text = "".join(
        f"; the exception {one.name} for it expired on {moment(one.expires)}" for one in named
    )
    others = number - len(named)
    return f"{text}; {others} more exceptions for it have expired" if others else text


def _request(violation: Violation, requests: Requests) -> str:
    """Return the reason of the comment that asks for an exception, "" if there is none."""
    where = violation.location
    return requests.get((where.file, where.line), {}).get(violation.policy, "") if where else ""


def _exempted(
    violation: Violation, exception: PolicyException, now: int, request: str, proof: str = ""
) -> Exempted:
    asked = f"; requested in the file: {request}" if exception.on_request else ""
    return Exempted(
        **msgspec.structs.asdict(violation),
        exception=exception.name,
        owner=exception.owner,
        reason=exception.reason + asked + proof,
        approved_by=exception.approved_by,
        expires=moment(exception.expires),
        days_left=exception.days_left(now),
        break_glass=exception.break_glass,
    )
