"""/console/decisions/<id>: why was a project allowed or denied, and is the decision in the log?

In: the id of a decision. Out: its page, the record as JSON, its violations as CSV, and the proof
that it is in the log. No content of files is shown: the log does not have it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from flask import Blueprint, Response, g, request
from msgspec import Meta
from sqlalchemy import select

from policyd import wire
from policyd.audit.event import DecisionEvent, GrantRecord, event_of
from policyd.audit.store import Store
from policyd.audit.tables import checkpoints
from policyd.config import Scope
from policyd.formats import grant_words
from policyd.model import AuditRecord, Violation
from policyd.services import Services
from policyd.web import access
from policyd.web.console.decision_policies import policy_text
from policyd.web.console.pages import Listing, PageQuery, page
from policyd.web.console.proofs import proof_document, proof_file
from policyd.web.query import parameters
from policyd.web.records import visible_decision
from policyd.web.replies import reply

_PAGE: Final = "/console/decisions/<decision_id>"
SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {
    _PAGE: ("audit:read",),
    f"{_PAGE}/proof": ("audit:read",),
}
SHOWN: Final = 50
"""Violations, grants and other parts of a decision on one page."""
COLUMNS: Final = {
    "action": "Action",
    "policy": "Policy",
    "constraint": "Constraint",
    "severity": "Severity",
    "place": "Place",
    "service": "Service",
    "path": "Path",
    "message": "Message",
    "remediation": "Remediation",
    "exception": "Exception",
}
"""The columns of the violations as CSV."""


class DecisionQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    """`start` is the number of violations before the first that is shown."""

    start: Annotated[int, Meta(ge=0, le=10_000_000)] = 0


class ProofQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`text` is a proof file of C2SP, which `policyd audit verify --proof` verifies."""

    format: Literal["text", "json"] = "text"


class ViolationGroup(NamedTuple):
    """Violations that follow one another, of one policy and constraint, with one remediation."""

    first: Violation
    violations: list[Violation]


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes."""

    @blueprint.get("/decisions/<decision_id>")
    def decision(decision_id: str) -> Response:
        query = parameters(request, DecisionQuery)
        record = visible_decision(services.audit, decision_id, access.visibility(g.token))
        if query.format == "json":
            return reply(wire.audit_record(record))
        return _decision(services, query, record)

    @blueprint.get("/decisions/<decision_id>/proof")
    def proof(decision_id: str) -> Response:
        query = parameters(request, ProofQuery)
        visible_decision(services.audit, decision_id, access.visibility(g.token))
        text = proof_file(services, decision_id)
        if query.format == "json":
            return Response(proof_document(text), mimetype="application/json")
        answer = Response(text, mimetype="text/plain")
        answer.headers["Content-Disposition"] = 'attachment; filename="decision.proof"'
        return answer


def groups(violations: Sequence[Violation]) -> list[ViolationGroup]:
    """Return `violations` in groups: those that deny first, otherwise in their order."""
    found: dict[tuple[str, ...], ViolationGroup] = {}
    for one in violations:
        key = (one.enforcement_action, one.policy, one.constraint, one.severity, one.remediation)
        found.setdefault(key, ViolationGroup(one, [])).violations.append(one)
    order = ("deny", "warn", "dryrun")
    return sorted(found.values(), key=lambda group: order.index(group.first.enforcement_action))


def _decision(services: Services, query: DecisionQuery, record: AuditRecord) -> Response:
    event = event_of(record)
    result = event.result
    shown = [one for group in groups(result.violations) for one in group.violations]
    rows = [_row(one) for one in (*shown, *result.exempted)]
    return page(
        "decision.html",
        f"Decision {event.decision_id}",
        query,
        Listing("violations", COLUMNS, rows),
        record=record,
        event=event,
        review=event.input.review,
        result=result,
        groups=groups(shown[query.start : query.start + SHOWN]),
        shown=SHOWN,
        grants=_grants(services.audit, record, event),
        words=grant_words,
        checkpoint=_first_checkpoint(services.audit, record.sequence),
        can_prove=bool(services.settings.audit_key_file),
        text=policy_text(services, event),
    )


def _row(one: Violation) -> dict[str, Any]:
    return {
        "action": one.enforcement_action,
        "policy": one.policy,
        "constraint": one.constraint,
        "severity": one.severity,
        "place": str(one.location or ""),
        "service": one.service,
        "path": ".".join(map(str, one.path)),
        "message": one.message,
        "remediation": one.remediation,
        "exception": getattr(one, "exception", ""),
    }


def _grants(audit: Store, record: AuditRecord, event: DecisionEvent) -> list[GrantRecord]:
    """Return the first grants that the decision made, as they are now."""
    made = min(len(event.granted), SHOWN)
    if not made:
        return []
    found = audit.grants(made, before=(record.sequence, made), active=False)
    return [one for one in reversed(found) if one.sequence == record.sequence]


def _first_checkpoint(audit: Store, sequence: int) -> Any:
    """Return size and time of the first checkpoint that includes an event, None without one."""
    query = select(checkpoints.c.size, checkpoints.c.time).where(checkpoints.c.size >= sequence)
    with audit.database.reading() as connection:
        return connection.execute(query.order_by(checkpoints.c.size).limit(1)).first()
