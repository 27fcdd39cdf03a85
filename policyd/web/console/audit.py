"""/console/audit: is the log sound, and what changed besides decisions?

In: the audit log, its settings. Out: its size, the last checkpoint and where it was published, the
last retention, and events that are not decisions. An administrator has the newest events verified:
this takes a few seconds at most, and the result is an event. `policyd audit verify` verifies all.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from flask import Blueprint, Response, g, request
from msgspec import Meta

from policyd.audit.log_event import KINDS, EventKind, LogEvent
from policyd.audit.log_state import LogState, log_state
from policyd.audit.publications import Publication, last_event, publications
from policyd.audit.recent_verification import MOST, RecentReport, verify_recent
from policyd.audit.store import PAGE, Store
from policyd.config import Scope
from policyd.errors import Overloaded
from policyd.formats.events import event_fields
from policyd.model import AuditRecord
from policyd.services import Services
from policyd.web import access
from policyd.web.console.pages import Listing, PageQuery, page
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import see_other

ROUTE: Final = "/console/audit"
SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {
    ROUTE: ("audit:read",),
    f"{ROUTE}/verify": ("admin",),
}
SHOWN_KINDS: Final[tuple[EventKind, ...]] = tuple(one for one in KINDS if one != "checkpoint")
"""The kinds of events that the page lists, unless one is chosen."""
MAX_NAMED: Final = 10
"""Problems that the event of a verification names."""
COLUMNS: Final = {
    "sequence": "Event",
    "time": "Time",
    "kind": "Kind",
    "actor": "Actor",
    "reason": "Reason",
    "repository": "Repository",
    "details": "Details",
}
PLACES: Final = {
    "name": "Setting",
    "kind": "Kind",
    "events": "Events",
    "accepted": "Accepted",
}


class AuditQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`kind` is "" for all kinds but checkpoints; `before` continues a page.

    `list` says which list is asked for as JSON or CSV.
    """

    list: Literal["events", "places"] = "events"
    kind: Literal[EventKind, ""] = ""
    before: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None


class Place(NamedTuple):
    """A witness or a copy: its setting, what it is, and the last checkpoint that it accepted."""

    name: str
    kind: str
    last: Publication | None


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes."""
    is_free = threading.BoundedSemaphore(1)

    @blueprint.get("/audit")
    def audit() -> Response:
        query = parameters(request, AuditQuery)
        store = services.audit
        kinds = (query.kind,) if query.kind else SHOWN_KINDS
        found = store.events(
            PAGE, kinds=kinds, before=query.before, visibility=access.visibility(g.token)
        )
        rows = [_row(record) for record in found]
        places = _places(services)
        return page(
            "audit.html",
            "Audit log",
            query,
            _listing(query, rows, places),
            rows=rows,
            kinds=KINDS,
            following=found[-1].sequence if len(found) == PAGE else None,
            state=_state(services),
            places=places,
            signs=bool(services.settings.audit_key_file),
            retention=last_event(store, "retention"),
            verified=last_event(store, "log-verified"),
            may_verify="admin" in g.token.scopes,
            most=MOST,
        )

    @blueprint.post("/audit/verify")
    def verify() -> Response:
        parameters(request, NoParameters)
        if not is_free.acquire(blocking=False):
            raise Overloaded("the log is being verified; try again")
        try:
            report = verify_recent(services.audit.database, _verified_through(services.audit))
        finally:
            is_free.release()
        services.audit.append_event(
            "log-verified", details_of(report), now=services.clock(), actor=g.token.owner
        )
        return see_other(ROUTE)


def details_of(report: RecentReport) -> dict[str, Any]:
    """Return the details of the event of a verification."""
    named = [str(one) for one in report.problems[:MAX_NAMED]]
    return {
        "first": report.first,
        "through": report.through,
        "events": report.events,
        "checkpoints": report.checkpoints,
        "problems": len(report.problems),
        **({"firstProblems": named} if named else {}),
    }


def _state(services: Services) -> LogState:
    if not services.settings.witnesses:
        return log_state(services.audit)
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.transparency.note import verifier_of

    keys = [verifier_of(one.public_key) for one in services.settings.witnesses.values()]
    return log_state(services.audit, keys)


def _verified_through(store: Store) -> int:
    """Return the last event up to which the last verification found no problem, else 0."""
    last = last_event(store, "log-verified")
    return _number(last, "through") if last and not _number(last, "problems") else 0


def _number(event: LogEvent, name: str) -> int:
    found = event.details.get(name)
    return found if isinstance(found, int) else 0


def _places(services: Services) -> Sequence[Place]:
    """Return the witnesses and copies of the settings."""
    settings = services.settings
    found = publications(services.audit)
    named = [(f"witnesses.{name}", "witness") for name in settings.witnesses]
    named += [
        (f"checkpoint_copies.{name}", "file" if one.file else "URL")
        for name, one in settings.checkpoint_copies.items()
    ]
    return [Place(name, kind, found.get(name)) for name, kind in named]


def _listing(query: AuditQuery, rows: Sequence[dict[str, Any]], places: Sequence[Place]) -> Listing:
    if query.list == "events":
        return Listing("events", COLUMNS, rows)
    shown = [
        {
            "name": one.name,
            "kind": one.kind,
            "events": one.last.size if one.last else None,
            "accepted": one.last.time if one.last else "",
        }
        for one in places
    ]
    return Listing("checkpoint-places", PLACES, shown)


def _row(record: AuditRecord) -> dict[str, Any]:
    fields = event_fields(record)
    details: Mapping[str, Any] = fields["details"]
    shown = [f"{name}: {_text(value)}" for name, value in details.items()]
    return {
        **{name: fields[name] for name in ("actor", "reason", "repository")},
        "sequence": record.sequence,
        "time": record.time,
        "kind": record.kind,
        "details": shown,
    }


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
