"""Explain why each constraint and exception of a policy set applied to a review, or did not.

In: the applicability of a policy set to a review, and its decision. Out: a Match for each
constraint and exception, with what each of its conditions says of the review.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from policyd.model import Decision, Location, Review
from policyd.policies.applicability import Applicability
from policyd.policies.exceptions import PolicyException
from policyd.policies.manifests import Constraint
from policyd.policies.matching import Selector, Subject, compared
from policyd.policies.times import moment

Outcome = Literal["matches", "differs", "unknown", "narrows"]

_MATCH: Final = "unknown, so the constraint stays in force"
_EXCLUDE: Final = "unknown, so nothing is excluded"
_GRANT: Final = "unknown, so the exception does not apply"


class Check(msgspec.Struct, frozen=True):
    """One condition: its key in the spec ("match.hosts"), its result, and the reason.

    "narrows" marks conditions on violations, not on reviews.
    """

    key: str
    outcome: Outcome
    reason: str


class Match(msgspec.Struct, frozen=True, rename="camel"):
    """Whether a constraint or an exception applies to a review; `reason` says why it does not.

    `policies` is empty for a break-glass exception, which bypasses all policies. `findings` is the
    number of violations of the constraint, or of violations that the exception exempted.
    """

    kind: Literal["Constraint", "Exception"]
    name: str
    location: Location
    policies: tuple[str, ...]
    applies: bool
    reason: str
    action: Literal["deny", "warn", "dryrun", "exempt", "break-glass"]
    findings: int
    checks: tuple[Check, ...]


def explain_match(applicability: Applicability, decision: Decision) -> tuple[Match, ...]:
    """Return, for each constraint and exception, whether it applied to `decision`, and why.

    `applicability` is the one that `decision` was made with.
    """
    review, about = applicability.review, applicability.subject
    violations = Counter(one.constraint for one in (*decision.violations, *decision.exempted))
    exempted = Counter(one.exception for one in decision.exempted)
    constraints = [
        _constraint(found, why_not, review, about, violations[found.name])
        for found, why_not in applicability.constraints
    ]
    exceptions = [
        _exception(found, why_not, review, about, exempted[found.name])
        for found, why_not in applicability.exceptions
    ]
    return (*constraints, *exceptions)


def _constraint(
    constraint: Constraint, why_not: str, review: Review, about: Subject, findings: int
) -> Match:
    return Match(
        kind="Constraint",
        name=constraint.name,
        location=constraint.location,
        policies=(constraint.policy,),
        applies=not why_not,
        reason=why_not,
        action=constraint.action_at(review.enforcement_point),
        findings=findings,
        checks=(
            *_fields("match", constraint.match, about, _MATCH),
            *_fields("exclude", constraint.exclude, about, _EXCLUDE),
        ),
    )


def _exception(
    exception: PolicyException, why_not: str, review: Review, about: Subject, findings: int
) -> Match:
    return Match(
        kind="Exception",
        name=exception.name,
        location=exception.location,
        policies=exception.policies,
        applies=not why_not,
        reason=why_not,
        action="break-glass" if exception.break_glass else "exempt",
        findings=findings,
        checks=(
            *_times(exception, review.now),
            *_fields("match", exception.match, about, _GRANT),
        ),
    )


def _times(exception: PolicyException, now: int) -> Iterator[Check]:
    starts, expires = moment(exception.starts), moment(exception.expires)
    if exception.starts > now:
        yield Check("starts", "differs", f"it starts on {starts}")
    elif exception.starts:
        yield Check("starts", "matches", f"it started on {starts}")
    if exception.expires > now:
        yield Check("expires", "matches", f"it expires on {expires}")
    else:
        yield Check("expires", "differs", f"it expired on {expires}")


def _fields(clause: str, selector: Selector, about: Subject, unknown: str) -> Iterator[Check]:
    for one in compared(selector, about):
        key = f"{clause}.{one.field}"
        if one.matched:
            yield Check(key, "matches", str(one))
        elif one.differs:
            yield Check(key, "differs", str(one))
        else:
            yield Check(key, "unknown", unknown)
    if selector.services:
        wanted = ", ".join(selector.services)
        yield Check(
            f"{clause}.services", "narrows", f"only violations of services that match {wanted}"
        )
    if selector.paths:
        wanted = ", ".join(selector.paths)
        yield Check(f"{clause}.paths", "narrows", f"only violations at paths that match {wanted}")
