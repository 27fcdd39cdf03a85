"""GET /v1/decisions and /v1/grants: past decisions, and who holds which accelerator.

A token sees the decisions and grants of the repositories that it is valid for.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

import msgspec
from flask import Flask, Response, g, request
from msgspec import Meta

from policyd import wire
from policyd.audit.event import event_of
from policyd.audit.store import PAGE, Store
from policyd.errors import NotFound
from policyd.policies.matching import matches_any
from policyd.services import Services
from policyd.web.access import ALL
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
        record = services.audit.decision(decision_id)
        if not _may_see(event_of(record).input.review.source.repository):
            raise NotFound(f"the audit log holds no decision {decision_id}")
        return reply(wire.audit_record(record))

    @app.get("/v1/grants")
    def grants() -> Response:
        return _grants(services.audit, parameters(request, _GrantsQuery))


def _decisions(audit: Store, query: _DecisionsQuery) -> Response:
    found = audit.decisions(
        query.limit,
        before=query.before,
        repositories=_visible(audit, query.repository),
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
        repositories=_visible(audit, query.repository),
        active=query.active,
        project=query.project,
        environment=query.environment,
        host=query.host,
        gpu=query.gpu,
        double_booked=query.double_booked,
    )
    return reply(wire.grant_list(found, query.limit))


def _visible(audit: Store, asked: str | None) -> Collection[str] | None:
    """Return the repositories that the token may see, of those asked for. None means all."""
    if asked is not None:
        return [asked] if _may_see(asked) else []
    if ALL in g.token.repositories:
        return None
    return [name for name in audit.repositories() if _may_see(name)]


def _may_see(repository: str) -> bool:
    globs = g.token.repositories
    return ALL in globs or (bool(repository) and matches_any(globs, repository))
