"""/console/hooks: which pushes wait for their review, which failed, and why?

In: the pushes that registries and forges reported, what the reader may see. Out: the queue by
registry and state, and the pushes; a push that failed is reviewed again on request. A push names no
environment and no host, so a token that is limited in these sees none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

import msgspec
from flask import Blueprint, Response, g, request
from msgspec import Meta

from policyd.audit.moments import nanoseconds
from policyd.audit.pushes import Pushes, Waiting
from policyd.audit.store import PAGE
from policyd.audit.visibility import EVERYTHING
from policyd.config import Scope
from policyd.errors import Conflict, Forbidden, RequestError
from policyd.hooks.events import UNFINISHED, PushRecord, PushState
from policyd.services import Services
from policyd.web import access
from policyd.web.console.pages import Listing, PageQuery, page
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import see_other

ROUTE: Final = "/console/hooks"
SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {
    ROUTE: ("audit:read",),
    f"{ROUTE}/retry": ("admin",),
}
COLUMNS: Final = {
    "number": "Push",
    "state": "State",
    "registry": "Registry or forge",
    "repository": "Repository",
    "tag": "Tag or ref",
    "digest": "Digest or commit",
    "actor": "Pushed by",
    "received": "Received",
    "attempts": "Attempts",
    "due": "Next or last attempt",
    "error": "Last error",
}
QUEUE: Final = {
    "registry": "Registry or forge",
    "state": "State",
    "number": "Pushes",
    "oldest": "Oldest",
}
_NUMBER: Final = 2**63 - 1
_UNITS: Final = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
"""Units of an age in seconds, the largest first."""


class HooksQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`state` is "" for pushes without a verdict; `retried` is how many were made due again.

    `list` says which list is asked for as JSON or CSV.
    """

    list: Literal["pushes", "queue"] = "pushes"
    state: Literal["", "waiting", "running", "failed", "done"] = ""
    registry: str = ""
    before: Annotated[int, Meta(ge=1, le=_NUMBER)] | None = None
    retried: Annotated[int, Meta(ge=0, le=_NUMBER)] | None = None


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes."""
    pushes = Pushes(services.audit)

    @blueprint.get("/hooks")
    def list_pushes() -> Response:
        query = parameters(request, HooksQuery)
        visible = access.visibility(g.token)
        states: tuple[PushState, ...] = (query.state,) if query.state else UNFINISHED
        found = pushes.records(
            PAGE,
            before=query.before,
            visibility=visible,
            registry=query.registry or None,
            states=states,
        )
        now = services.clock()
        queue = sorted(pushes.waiting(visible))
        return page(
            "hooks.html",
            "Hooks",
            query,
            _listing(query, found, queue),
            pushes=found,
            queue=queue,
            following=found[-1].number if len(found) == PAGE else None,
            age=lambda time: age(time, now),
            failed=sum(one.number for one in queue if one.state == "failed"),
            may_retry="admin" in g.token.scopes,
            sees_all=visible == EVERYTHING,
        )

    @blueprint.post("/hooks/retry")
    def retry() -> Response:
        parameters(request, NoParameters)
        given = request.form.get("push", "")
        chosen = _retryable(pushes, given) if given else None
        if chosen is None and access.visibility(g.token) != EVERYTHING:
            raise Forbidden("this token may not see all pushes, so it may not retry all of them")
        details = {"registry": chosen.registry, "event": chosen.event_id} if chosen else {}
        services.audit.append_event(
            "push-retried", details, now=services.clock(), actor=g.token.owner
        )
        number = pushes.retry(
            services.clock(),
            registry=chosen.registry if chosen else None,
            event_ids=[chosen.event_id] if chosen else [],
        )
        return see_other(f"{ROUTE}?retried={number}")


def _listing(query: HooksQuery, found: Sequence[PushRecord], queue: Sequence[Waiting]) -> Listing:
    if query.list == "queue":
        return Listing("hooks-queue", QUEUE, [one._asdict() for one in queue])
    return Listing("pushes", COLUMNS, [msgspec.structs.asdict(one) for one in found])


def age(time: str, now: int) -> str:
    """Return how long ago the RFC 3339 `time` was at `now`, in nanoseconds: "3 h", "12 min"."""
    seconds = max((now - nanoseconds(time)) // 1_000_000_000, 0)
    unit, size = next((one for one in _UNITS if seconds >= one[1]), _UNITS[-1])
    return f"{seconds // size} {unit}"


def _retryable(pushes: Pushes, number: str) -> PushRecord:
    """Return the visible push `number` if it waits or has failed. Raises RequestError, Conflict."""
    if not number.isascii() or not number.isdigit() or not 0 < int(number) < _NUMBER:
        raise RequestError(f"the push is {number[:40]!r}: it must be the number of a push")
    found = pushes.records(
        1,
        before=int(number) + 1,
        visibility=access.visibility(g.token),
        states=("waiting", "failed"),
    )
    if not found or found[0].number != int(number):
        raise Conflict(f"the push {number} is not known, is being reviewed, or has a verdict")
    return found[0]
