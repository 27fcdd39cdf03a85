"""Leases: when grants end by themselves, by the Compose file and by the policy set.

In: the effective model, the time of the review, the maximum leases of constraints. Out: the grants
with their ends. The extension `x-policyd-until` at the top of a Compose file is a date or a time of
RFC 3339. A time that is malformed or over is an error, so that the project is denied; one that is
later than a constraint permits is shortened, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from policyd.compose.project import Project
from policyd.errors import LeaseError, RequestError
from policyd.masking import MASK
from policyd.model import Grant
from policyd.policies.manifests import Constraint
from policyd.policies.times import moment

KEY: Final = "x-policyd-until"

Maximum = tuple[int, Constraint] | None
"""The longest lease in nanoseconds, and the constraint that limits it."""


class Leases(msgspec.Struct, frozen=True):
    """Grants with their ends, and a warning for each constraint that shortened a lease."""

    grants: tuple[Grant, ...]
    warnings: tuple[str, ...] = ()


def leased(
    grants: tuple[Grant, ...], project: Project, now: int, maximum: Callable[[str], Maximum]
) -> Leases:
    """Return `grants` with the ends that `project` states and that its services may have.

    `now` is in nanoseconds since the epoch, `maximum` returns the longest lease of a service.
    Raises LeaseError, whose text has no value of the project.
    """
    stated = _end(project)
    if not grants:
        return Leases(grants)
    if stated and stated <= _rfc3339(now):
        raise LeaseError(
            f"{KEY} is over: the grants of the project would not begin", project.locate((KEY,))
        )
    ends: dict[str, str] = {}
    warnings: list[str] = []
    for service in dict.fromkeys(grant.service for grant in grants):
        ends[service], warning = _within(stated, now, maximum(service))
        warnings.append(warning)
    return Leases(
        tuple(msgspec.structs.replace(grant, expires=ends[grant.service]) for grant in grants),
        tuple(filter(None, dict.fromkeys(warnings))),
    )


def _within(stated: str, now: int, maximum: Maximum) -> tuple[str, str]:
    """Return the end of a lease that is stated to end at `stated`, and a warning or ""."""
    if maximum is None:
        return stated, ""
    longest, constraint = maximum
    latest = _rfc3339(now + longest)
    if not stated or stated <= latest:
        return stated or latest, ""
    return latest, (
        f"{KEY} is later than the constraint {constraint.name} permits (maxLease: "
        f"{constraint.max_lease}); grants end at {moment(now + longest)}"
    )


def _end(project: Project) -> str:
    """Return the end that `project` states, RFC 3339 in UTC with nanoseconds, "" for none."""
    stated = project.tree.get(KEY)
    # A recorded project, which is evaluated again, has MASK in place of the time.
    if stated is None or stated == MASK:
        return ""
    # Imported here, as below: few projects have leases, and one check starts faster without.
    from policyd.audit.moments import read_moment

    try:
        return read_moment(stated if isinstance(stated, str) else "", KEY)
    except RequestError:
        raise LeaseError(
            f"{KEY} is not a date such as 2027-01-31, or a time such as 2027-01-31T08:00:00Z",
            project.locate((KEY,)),
        ) from None


def _rfc3339(now: int) -> str:
    from policyd.audit.event import rfc3339

    return rfc3339(now)
