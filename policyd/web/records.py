"""GET /v1/decisions, /v1/events, /v1/grants, /v1/gpus and /v1/usage: the audit log.

A token sees the decisions and grants of the repositories, environments and hosts that it is limited
to.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Flask, Response, g, request
from msgspec import Meta

from policyd import wire
from policyd.audit.event import DECISION, event_of, rfc3339
from policyd.audit.log_event import KINDS
from policyd.audit.moments import read_period, read_when
from policyd.audit.store import PAGE, Store, no_decision
from policyd.audit.usage import Grouping
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.errors import ContentRemoved, NotFound, RequestError
from policyd.grants.resolution import inventory
from policyd.holdings import device_list, usage_list
from policyd.model import AuditRecord
from policyd.services import Services
from policyd.suggestion import did_you_mean
from policyd.web import access
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import reply

Limit = Annotated[int, Meta(ge=1, le=500)]
Sequence = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Device = Annotated[str, Meta(min_length=1)]


class DecisionsQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    limit: Limit = PAGE
    before: Sequence | None = None
    since: str | None = None
    until: str | None = None
    allowed: bool | None = None
    repository: str | None = None
    project: str | None = None
    environment: str | None = None
    host: str | None = None
    user: str | None = None
    policy: str | None = None
    enforcement_point: str | None = None
    commit: str | None = None
    exception: str | None = None
    gpu: Device | None = None


class EventsQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    limit: Limit = PAGE
    before: Sequence | None = None
    since: str | None = None
    until: str | None = None
    kind: tuple[str, ...] = ()


class GrantsQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    limit: Limit = PAGE
    before: Annotated[str, Meta(pattern=r"^[0-9]{1,18}\.[0-9]{1,9}$")] | None = None
    active: bool | None = None
    at: str | None = None
    since: str | None = None
    until: str | None = None
    repository: str | None = None
    project: str | None = None
    environment: str | None = None
    host: str | None = None
    user: str | None = None
    gpu: Device | None = None
    exception: str | None = None
    double_booked: bool = False


class DevicesQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    at: str | None = None
    host: str | None = None
    free: bool = False


class UsageQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    since: str | None = None
    until: str | None = None
    by: Grouping = "team"
    depth: Annotated[int, Meta(ge=1, le=20)] | None = None
    repository: str | None = None
    environment: str | None = None
    host: str | None = None
    user: str | None = None


def add_routes(app: Flask, services: Services) -> None:
    """Add the routes of decisions and grants."""

    @app.get("/v1/decisions")
    def decisions() -> Response:
        return _decisions(services.audit, parameters(request, DecisionsQuery))

    @app.get("/v1/decisions/<decision_id>")
    def decision(decision_id: str) -> Response:
        parameters(request, NoParameters)
        found = visible_decision(services.audit, decision_id, access.visibility(g.token))
        return reply(wire.audit_record(found))

    @app.get("/v1/events")
    def events() -> Response:
        return _events(services.audit, parameters(request, EventsQuery))

    @app.get("/v1/grants")
    def grants() -> Response:
        return _grants(services.audit, parameters(request, GrantsQuery), services.clock())

    @app.get("/v1/gpus")
    def devices() -> Response:
        return _devices(services, parameters(request, DevicesQuery))

    @app.get("/v1/usage")
    def usage() -> Response:
        return _usage(services, parameters(request, UsageQuery))


def _decisions(audit: Store, query: DecisionsQuery) -> Response:
    found = audit.decisions(
        query.limit,
        before=query.before,
        visibility=access.visibility(g.token),
        period=read_period(query.since, query.until, ("since", "until")),
        repository=query.repository,
        allowed=query.allowed,
        project=query.project,
        environment=query.environment,
        host=query.host,
        username=query.user,
        policy=query.policy,
        enforcement_point=query.enforcement_point,
        commit=query.commit,
        exception=query.exception,
        gpu=query.gpu,
    )
    return reply(wire.audit_record_list(found, query.limit))


def _events(audit: Store, query: EventsQuery) -> Response:
    kinds = query.kind or KINDS
    for kind in kinds:
        if kind not in (DECISION, *KINDS):
            hint = did_you_mean(kind, (DECISION, *KINDS))
            raise RequestError(f"kind: there are no events of the kind {kind!r}{hint}")
    found = audit.events(
        query.limit,
        kinds=kinds,
        before=query.before,
        visibility=access.visibility(g.token),
        period=read_period(query.since, query.until, ("since", "until")),
    )
    return reply(wire.event_list(found, query.limit))


def _grants(audit: Store, query: GrantsQuery, now: int) -> Response:
    sequence, _, position = (query.before or "").partition(".")
    at, period = read_when(query.at, query.since, query.until)
    held = not (at or period.since or period.until) if query.active is None else query.active
    found = audit.grants(
        query.limit,
        before=(int(sequence), int(position)) if query.before else None,
        visibility=access.visibility(g.token),
        now=now,
        active=held,
        at=at,
        period=period,
        repository=query.repository,
        project=query.project,
        environment=query.environment,
        host=query.host,
        username=query.user,
        gpu=query.gpu,
        exception=query.exception,
        double_booked=query.double_booked,
    )
    return reply(wire.grant_list(found, query.limit))


def _devices(services: Services, query: DevicesQuery) -> Response:
    at = read_when(query.at, None, None)[0] or rfc3339(services.clock())
    hosts = inventory(services.policy_set.data)
    if query.host is not None:
        if query.host not in hosts:
            raise NotFound(f"the inventory of the policy set has no host {query.host!r}")
        hosts = {query.host: hosts[query.host]}
    visible = access.visibility(g.token)
    return reply(device_list(services.audit, hosts, at, free=query.free, visibility=visible))


def _usage(services: Services, query: UsageQuery) -> Response:
    return reply(
        usage_list(
            services.audit,
            read_period(query.since, query.until, ("since", "until")),
            rfc3339(services.clock()),
            by=query.by,
            depth=query.depth,
            hosts=inventory(services.policy_set.data),
            visibility=access.visibility(g.token),
            repository=query.repository,
            environment=query.environment,
            host=query.host,
            username=query.user,
        )
    )


def visible_decision(audit: Store, decision_id: str, visible: Visibility) -> AuditRecord:
    """Return a decision that is `visible`. Raises NotFound, also if it is not."""
    try:
        record = audit.decision(decision_id)
    except ContentRemoved:
        if visible != EVERYTHING:
            raise no_decision(decision_id) from None
        raise
    source = event_of(record).input.review.source
    if not visible.shows(source.repository, source.environment, source.host):
        raise no_decision(decision_id)
    return record
