"""`policyd exceptions`: list exceptions, and which of them expire soon or are unused.

In: a policy set, an audit log. Out: a list or JSON on standard output. An exception is used when it
changed a decision in the audit log that was made by a policy set of the same name.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click
import msgspec

from policyd.cli.options import close_at_end, settings, settings_options
from policyd.config import Settings, default_audit
from policyd.formats.json import document
from policyd.formats.table import visible
from policyd.model import API_VERSION, Location
from policyd.policies.exceptions import DAY, PolicyException, moment
from policyd.policies.policy_set import PolicySet, load_policy_set

if TYPE_CHECKING:
    from policyd.audit.store import Store

ListedState = Literal["upcoming", "active", "expiring", "expired"]

EPILOG: Final = """\b
Examples:
  policyd exceptions --policy-set policyset.yaml
  policyd exceptions --within 30 --audit postgresql://policyd@db/audit
  policyd exceptions --format json
\b
An exception is unused when no decision in the audit log was changed by it.
Without --audit, the command reads the audit log of `policyd serve` on this
machine, if it exists.
"""


class Uses(msgspec.Struct, frozen=True):
    """The number of decisions that an exception changed since `since`, and the time of the last."""

    since: str
    decisions: int
    last: str


class Listed(msgspec.Struct, frozen=True, rename="camel"):
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


@click.command(
    "exceptions", epilog=EPILOG, short_help="List exceptions, and which expire soon or are unused."
)
@settings_options("policy_set", "audit")
@click.option(
    "--within",
    type=click.IntRange(0, 36_500),
    default=14,
    show_default=True,
    metavar="DAYS",
    help="Mark exceptions that expire within DAYS.",
)
@click.option(
    "--unused-for",
    type=click.IntRange(1, 36_500),
    default=30,
    show_default=True,
    metavar="DAYS",
    help="Mark exceptions that changed no decision in the last DAYS.",
)
@click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(within: int, unused_for: int, form: str, **options: Any) -> int:
    """List exceptions, and mark those that expire soon, have expired or are unused."""
    chosen = settings(**options)
    policy_set = load_policy_set(Path(chosen.policy_set) if chosen.policy_set else None)
    now = time.time_ns()
    log = _open_log(chosen)
    uses = _uses(policy_set, log, now, now - unused_for * DAY) if log else {}
    found = [
        _listed(exception, now, within, uses.get(exception.name))
        for exception in sorted(policy_set.exceptions, key=lambda one: (one.expires, one.name))
    ]
    if form == "json":
        click.echo(
            document(
                {
                    "apiVersion": API_VERSION,
                    "kind": "ExceptionList",
                    "policySet": policy_set.reference,
                    "audit": log.name if log else None,
                    "items": found,
                }
            ),
            nl=False,
        )
    else:
        click.echo("\n".join(_page(policy_set, found, within, log.name if log else "")))
    return 0


def _open_log(chosen: Settings) -> Store | None:
    """Return the audit log of the settings, else the default log of `serve` if it exists."""
    from policyd.audit.store import open_store

    usual = default_audit(os.environ)
    if not chosen.audit and not os.path.exists(usual):
        return None
    store = open_store(chosen.audit or usual, create=False)
    close_at_end(store)
    return store


def _uses(policy_set: PolicySet, log: Store, now: int, since: int) -> dict[str, Uses]:
    """Return the uses of each exception by its name, or nothing when the log is empty.

    They are counted from `since`, from the first event of the log, or from the start of the
    exception, whichever is the latest.
    """
    from policyd.audit.event import rfc3339

    begins = log.begins()
    if not begins:
        return {}
    counted = log.exception_uses(policy_set.name, rfc3339(since))
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


def _listed(exception: PolicyException, now: int, within: int, uses: Uses | None) -> Listed:
    state = _state(exception, now, within)
    match: Mapping[str, list[str]] = msgspec.to_builtins(exception.match)
    return Listed(
        name=exception.name,
        location=exception.location,
        state=state,
        days_left=exception.days_left(now),
        unused=state in ("active", "expiring") and uses is not None and not uses.decisions,
        break_glass=exception.break_glass,
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


def _page(policy_set: PolicySet, found: list[Listed], within: int, log: str) -> Iterator[str]:
    yield f"Policy set {visible(policy_set.name)}, {policy_set.revision}"
    counts = (
        ("expired", sum(one.state == "expired" for one in found)),
        (f"expiring within {_days(within)}", sum(one.state == "expiring" for one in found)),
        ("unused", sum(one.unused for one in found)),
    )
    number = f"{len(found) or 'No'} exception{'' if len(found) == 1 else 's'}"
    yield ", ".join([number, *(f"{count} {what}" for what, count in counts if count)])
    for one in found:
        yield ""
        yield from _block(one)
    if found and not log:
        yield ""
        yield "Unused exceptions are unknown without an audit log: name one with --audit."
    elif found and not any(one.uses for one in found):
        yield ""
        yield f"Unused exceptions are unknown: the audit log {visible(log)} is empty."


def _block(one: Listed) -> Iterator[str]:
    loud = ["BREAK GLASS"] if one.break_glass else []
    said = ", ".join([*loud, _left(one), *(["unused"] if one.unused else [])])
    yield visible(f"{one.location}: {one.name}: {said}")
    scope = "; ".join(f"{field} {', '.join(globs)}" for field, globs in one.match.items())
    yield visible(f"  policies: {', '.join(one.policies) or 'all policies'}")
    yield visible(f"  for:      {scope}")
    since = f"from {one.starts} " if one.starts else ""
    yield f"  time:     {since}until {one.expires}"
    yield visible(f"  owner:    {one.owner}, approved by {one.approved_by}")
    yield visible(f"  reason:   {one.reason}")
    if one.uses and one.state != "upcoming":
        number = one.uses.decisions
        decisions = f"{number or 'no'} decision{'' if number == 1 else 's'}"
        last = f", last on {one.uses.last[:19]}Z" if number else ""
        yield f"  used:     in {decisions} since {one.uses.since}{last}"


def _left(one: Listed) -> str:
    if one.state == "expired":
        return "expired"
    if one.state == "upcoming":
        return f"starts on {one.starts}"
    left = f"{_days(one.days_left)} left" if one.days_left else "less than a day left"
    return f"expires soon, {left}" if one.state == "expiring" else left


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"
