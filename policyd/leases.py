"""Leases: the end of grants that a project states in its Compose file.

In: the effective model, the time of the review. Out: when the grants end by themselves. The
extension `x-policyd-until` at the top of a Compose file is a date or a time of RFC 3339. A time
that is malformed or over is an error, so that the project is denied.
"""

from __future__ import annotations

from typing import Final

import msgspec

from policyd.audit.event import rfc3339
from policyd.audit.moments import read_moment
from policyd.compose.project import Project
from policyd.errors import LeaseError, RequestError
from policyd.masking import MASK
from policyd.model import Grant

KEY: Final = "x-policyd-until"


def leased(grants: tuple[Grant, ...], project: Project, now: int) -> tuple[Grant, ...]:
    """Return `grants` with the end that `project` states for them.

    `now` is in nanoseconds since the epoch. Raises LeaseError, whose text has no value of the
    project.
    """
    end = _end(project)
    if not (end and grants):
        return grants
    if end <= rfc3339(now):
        raise LeaseError(
            f"{KEY} is over: the grants of the project would not begin", project.locate((KEY,))
        )
    return tuple(msgspec.structs.replace(grant, expires=end) for grant in grants)


def _end(project: Project) -> str:
    """Return when the grants of `project` end, RFC 3339 in UTC with nanoseconds, "" for never."""
    stated = project.tree.get(KEY)
    # A recorded project, which is evaluated again, has MASK in place of the time.
    if stated is None or stated == MASK:
        return ""
    try:
        return read_moment(stated if isinstance(stated, str) else "", KEY)
    except RequestError:
        raise LeaseError(
            f"{KEY} is not a date such as 2027-01-31, or a time such as 2027-01-31T08:00:00Z",
            project.locate((KEY,)),
        ) from None
