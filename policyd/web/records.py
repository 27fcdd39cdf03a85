"""GET /v1/decisions and /v1/grants: past decisions, and who holds which accelerator.

A token sees the decisions and grants of the repositories, environments and hosts that it is limited
to.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Flask, Response, g, request
from msgspec import Meta

from policyd import wire
from policyd.audit.event import event_of
from policyd.audit.store import PAGE, Store, no_decision
from policyd.model import AuditRecord
from policyd.services import Services
from policyd.web import access
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import reply

Limit = Annotated[int, Meta(ge=1, le=500)]


class _DecisionsQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    limit: Limit = PAGE
    before: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    allowed: bool | None = None
    repository: str | None = None
    project: str | None = None
    policy: str | None = None
    enforcement_point: str | None = None
    commit: str | None = None


class _GrantsQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    limit: Limit = PAGE
    before: Annotated[str, Meta(pattern=r"^[0-9]{1,18}\.[0-9]{1,9}$")] | None = None
    active: bool = True
    repository: str | None = None
    project: str | None = None
    environment: str | None = None
    host: str | None = None
    gpu: Annotated[str, Meta(min_length=1)] | None = None
    double_booked: bool = False


def add_routes(app: Flask, services: Services) -> None:
    """Add the routes of decisions and grants."""

    @app.get("/v1/decisions")
    def decisions() -> Response:
        return _decisions(services.audit, parameters(request, _DecisionsQuery))

    @app.get("/v1/decisions/<decision_id>")
    def decision(decision_id: str) -> Response:
        parameters(request, NoParameters)
        return reply(wire.audit_record(_decision(services.audit, decision_id)))

    @app.get("/v1/grants")
    def grants() -> Response:
        return _grants(services.audit, parameters(request, _GrantsQuery))


def _decisions(audit: Store, query: _DecisionsQuery) -> Response:
    found = audit.decisions(
        query.limit,
        before=query.before,
        visibility=access.visibility(g.token),
        repository=query.repository,
        allowed=query.allowed,
        project=query.project,
        policy=query.policy,
        enforcement_point=query.enforcement_point,
        commit=query.commit,
    )
    return reply(wire.audit_record_list(found, query.limit))


def _grants(audit: Store, query: _GrantsQuery) -> Response:
    sequence, _, position = (query.before or "").partition(".")
    found = audit.grants(
        query.limit,
        before=(int(sequence), int(position)) if query.before else None,
        visibility=access.visibility(g.token),
        repository=query.repository,
        active=query.active,
        project=query.project,
        environment=query.environment,
        host=query.host,
        gpu=query.gpu,
        double_booked=query.double_booked,
    )
    return reply(wire.grant_list(found, query.limit))


def _decision(audit: Store, decision_id: str) -> AuditRecord:
    """Return a decision that the token may see. Raises NotFound, also if it may not."""
    record = audit.decision(decision_id)
    source = event_of(record).input.review.source
    visible = access.visibility(g.token)
    if not visible.shows(source.repository, source.environment, source.host):
        raise no_decision(decision_id)
    return record
