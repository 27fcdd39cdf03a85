"""GET /v1/hooks: the pushes that registries reported, and the states of their reviews.

A token sees the pushes to the repositories that it is limited to. A push names no environment and
no host, so a token that is limited in these sees none.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Flask, Response, g, request
from msgspec import Meta

from policyd import wire
from policyd.audit.pushes import Pushes
from policyd.audit.store import PAGE
from policyd.hooks.events import UNFINISHED, PushState
from policyd.services import Services
from policyd.web import access
from policyd.web.query import parameters
from policyd.web.records import Limit
from policyd.web.replies import reply


class HooksQuery(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    limit: Limit = PAGE
    before: Annotated[int, Meta(ge=1, le=2**63 - 1)] | None = None
    registry: str | None = None
    state: PushState | None = None


def add_routes(app: Flask, services: Services) -> None:
    """Add the route. Raises ConfigError when no audit log is configured."""
    pushes = Pushes(services.audit)

    @app.get("/v1/hooks")
    def list_pushes() -> Response:
        query = parameters(request, HooksQuery)
        found = pushes.records(
            query.limit,
            before=query.before,
            visibility=access.visibility(g.token),
            registry=query.registry,
            states=(query.state,) if query.state else UNFINISHED,
        )
        return reply(wire.push_list(found, query.limit))
