"""List the exceptions of a policy set: their state at a time, and how often each was used.

In: a policy set, an audit log, a time. Out: an ExceptionList. An exception is used when it changed
a decision in the audit log that was made by a policy set of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from policyd import wire
from policyd.audit.event import rfc3339
from policyd.model import Location, PolicySetRevision
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.policy_set import PolicySet
from policyd.policies.times import moment

if TYPE_CHECKING:
    from policyd.audit.store import Store
    from policyd.audit.visibility import Visibility

ListedState = Literal["upcoming", "active", "expiring", "expired"]


class Uses(msgspec.Struct, frozen=True):
    """The number of decisions that an exception changed since `since`, and the time of the last."""

    since: str
    decisions: int
    last: str


class ListedException(msgspec.Struct, frozen=True, rename="camel"):
    """One exception, its state, and its uses. Times are in RFC 3339; `starts` is "" if not set.

    `policies` is empty for a break-glass exception. `uses` is None without an audit log.
    """

    name: str
    location: Location
    state: ListedState
    days_left: int
    unused: bool
    break_glass: bool
    policies: tuple[str, ...]
    match: dict[str, list[str]]
    starts: str
    expires: str
    owner: str
    approved_by: str
    reason: str
    uses: Uses | None
    on_request: bool = False


class ExceptionList(wire.Document, frozen=True, kw_only=True, rename="camel"):
    """The exceptions of a policy set, the first to expire first. `audit` names the audit log."""

    kind: str = "ExceptionList"
    policy_set: PolicySetRevision
    audit: str | None
    items: Sequence[ListedException]


def exception_list(
    policy_set: PolicySet,
    log: Store | None,
    *,
    now: int,
    within: int,
    unused_for: int,
    visibility: Visibility | None = None,
) -> ExceptionList:
    """Return the exceptions of `policy_set` at `now`, in nanoseconds since the epoch.

    An exception is `expiring` when it expires within `within` days. It is unused when it changed no
    decision in `log` in the last `unused_for` days; visible decisions count. Raises AuditError if
    `log` cannot be read.
    """
    uses = _uses(policy_set, log, now, now - unused_for * DAY, visibility) if log else {}
    return ExceptionList(
        policy_set=policy_set.reference,
        audit=log.name if log else None,
        items=[
            _listed(exception, now, within, uses.get(exception.name))
            for exception in sorted(policy_set.exceptions, key=lambda one: (one.expires, one.name))
        ],
    )


def _uses(
    policy_set: PolicySet, log: Store, now: int, since: int, visibility: Visibility | None
) -> dict[str, Uses]:
    """Return the uses of each exception by its name, or nothing when the log is empty.

    They are counted from `since`, from the first event of the log, or from the start of the
    exception, whichever is the latest.
    """
    # Imported here because only a log needs it: it imports SQLAlchemy.
    from policyd.audit.visibility import EVERYTHING

    begins = log.begins()
    if not begins:
        return {}
    names = [one.name for one in policy_set.exceptions]
    counted = log.exception_uses(policy_set.name, rfc3339(since), visibility or EVERYTHING, names)
    uses = {}
    for exception in policy_set.exceptions:
        found = counted.get(exception.name)
        start = _start(exception) if exception.starts <= now else ""
        seen = max(moment(since), begins[:19] + "Z", start)
        uses[exception.name] = Uses(
            seen, found.decisions if found else 0, found.last if found else ""
        )
    return uses


def _start(exception: PolicyException) -> str:
    return moment(exception.starts) if exception.starts else ""


def _listed(
    exception: PolicyException, now: int, within: int, uses: Uses | None
) -> ListedException:
    state = _state(exception, now, within)
    match: Mapping[str, list[str]] = msgspec.to_builtins(exception.match)
    return ListedException(
        name=exception.name,
        location=exception.location,
        state=state,
        days_left=exception.days_left(now),
        unused=state in ("active", "expiring") and uses is not None and not uses.decisions,
        break_glass=exception.break_glass,
        on_request=exception.on_request,
        policies=exception.policies,
        match={field: list(globs) for field, globs in match.items() if globs},
        starts=_start(exception),
        expires=moment(exception.expires),
        owner=exception.owner,
        approved_by=exception.approved_by,
        reason=exception.reason,
        uses=uses,
    )


def _state(exception: PolicyException, now: int, within: int) -> ListedState:
    state = exception.state(now)
    soon = exception.expires - now <= within * DAY
    return "expiring" if state == "active" and soon else state
