"""The exceptions of a policy set, and which of them expire soon, have expired or are unused.

In: an ExceptionList. Out: text with a block for each exception; or the list as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from policyd.exception_list import ExceptionList, ListedException
from policyd.formats import json
from policyd.formats.table import visible


class Exceptions(msgspec.Struct, frozen=True):
    """A list of exceptions. Those that expire within `within` days have the state `expiring`."""

    listed: ExceptionList
    within: int


def text(exceptions: Exceptions, *, colour: bool = False) -> str:
    """Return the numbers of exceptions, then a block for each of them."""
    return "\n".join(_page(exceptions.listed, exceptions.within)) + "\n"


def as_json(exceptions: Exceptions, *, colour: bool = False) -> str:
    """Return the ExceptionList."""
    return json.render(exceptions.listed)


def _page(listed: ExceptionList, within: int) -> Iterator[str]:
    found = listed.items
    yield f"Policy set {visible(listed.policy_set.name)}, {listed.policy_set.revision}"
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
    if found and not listed.audit:
        yield ""
        yield "Unused exceptions are unknown without an audit log: name one with --audit."
    elif found and not any(one.uses for one in found):
        yield ""
        yield visible(f"Unused exceptions are unknown: the audit log {listed.audit} is empty.")


def _block(one: ListedException) -> Iterator[str]:
    loud = ["BREAK GLASS"] if one.break_glass else []
    said = ", ".join([*loud, _left(one), *(["unused"] if one.unused else [])])
    yield visible(f"{one.location}: {one.name}: {said}")
    scope = "; ".join(f"{field} {', '.join(globs)}" for field, globs in one.match.items())
    yield visible(f"  policies: {', '.join(one.policies) or 'all policies'}")
    yield visible(f"  for:      {scope}")
    if one.on_request:
        yield "  only:     where a comment asks: # policyd: request POLICY reason"
    since = f"from {one.starts} " if one.starts else ""
    yield f"  time:     {since}until {one.expires}"
    yield visible(f"  owner:    {one.owner}, approved by {one.approved_by}")
    yield visible(f"  reason:   {one.reason}")
    if one.uses and one.state != "upcoming":
        number = one.uses.decisions
        decisions = f"{number or 'no'} decision{'' if number == 1 else 's'}"
        last = f", last on {one.uses.last[:19]}Z" if number else ""
        yield f"  used:     in {decisions} since {one.uses.since}{last}"


def _left(one: ListedException) -> str:
    if one.state == "expired":
        return "expired"
    if one.state == "upcoming":
        return f"starts on {one.starts}"
    left = f"{_days(one.days_left)} left" if one.days_left else "less than a day left"
    return f"expires soon, {left}" if one.state == "expiring" else left


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"
