"""/console/exceptions: who is exempt from which policy, until when, and is it still needed?

In: the policy set in force, the audit log, what the reader may see. Out: the exceptions, those that
bypass all policies first and loud, then those that expire soon.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec
from flask import Blueprint, Response, g, request

from policyd.config import Scope
from policyd.exception_list import ListedException
from policyd.services import Services
from policyd.web import access
from policyd.web.console.exception_list import UNUSED_FOR, WITHIN, visible_exceptions
from policyd.web.console.pages import Listing, PageQuery, page
from policyd.web.query import parameters

ROUTE: Final = "/console/exceptions"
SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {ROUTE: ("audit:read",)}
STATES: Final = ("expiring", "active", "upcoming", "expired")
"""The states in the order of the list."""
UNUSED: Final = "unused"
COLUMNS: Final = {
    "name": "Exception",
    "state": "State",
    "breakGlass": "Break-glass",
    "policies": "Policies",
    "match": "For",
    "starts": "Starts",
    "expires": "Expires",
    "daysLeft": "Days left",
    "owner": "Owner",
    "approvedBy": "Approved by",
    "reason": "Reason",
    "decisions": f"Decisions in {UNUSED_FOR} days",
    "last": "Last use",
}


class ExceptionsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The state that is listed, "" for all."""

    state: Literal["", "expiring", "active", "upcoming", "expired", "unused"] = ""


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route."""

    @blueprint.get("/exceptions")
    def list_exceptions() -> Response:
        query = parameters(request, ExceptionsQuery)
        found = visible_exceptions(services, access.visibility(g.token))
        in_force = [one for one in found if one.break_glass and _is_in_force(one)]
        rows = _selected(found, query.state)
        return page(
            "exceptions.html",
            "Exceptions",
            query,
            Listing("exceptions", COLUMNS, [_row(one) for one in rows]),
            rows=rows,
            counts=_counts(found),
            total=len(found),
            break_glass=in_force,
            policy_set=services.policy_set,
            within=WITHIN,
            unused_for=UNUSED_FOR,
        )


def _is_in_force(exception: ListedException) -> bool:
    return exception.state in ("active", "expiring")


def _counts(found: Sequence[ListedException]) -> dict[str, int]:
    """Return the number of exceptions in each state, and of those that are unused."""
    counted = Counter(one.state for one in found)
    states = {state: counted[state] for state in STATES}
    return {**states, UNUSED: sum(one.unused for one in found)}


def _selected(found: Sequence[ListedException], state: str) -> list[ListedException]:
    chosen = [
        one for one in found if not state or (one.unused if state == UNUSED else one.state == state)
    ]
    order = {state: number for number, state in enumerate(STATES)}
    return sorted(
        chosen,
        key=lambda one: (not (one.break_glass and _is_in_force(one)), order[one.state]),
    )


def _row(exception: ListedException) -> dict[str, object]:
    plain = msgspec.to_builtins(exception)
    uses = exception.uses
    return {
        **{name: plain[name] for name in COLUMNS if name not in _OWN},
        "match": [f"{field}={glob}" for field, globs in exception.match.items() for glob in globs],
        "decisions": uses.decisions if uses else 0,
        "last": uses.last if uses else "",
        "unused": exception.unused,
    }


_OWN: Final = ("match", "decisions", "last")
"""Columns that are made from other fields of an exception."""
