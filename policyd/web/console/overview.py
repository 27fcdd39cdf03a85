"""/console/: is anything wrong now?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, g, request

from policyd.config import Scope
from policyd.services import Services
from policyd.web import access
from policyd.web.console.pages import PageQuery, page
from policyd.web.query import parameters

SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {"/console/": ("audit:read",)}
LAST: Final = 10
"""Decisions that are shown."""


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the route."""

    @blueprint.get("/")
    def overview() -> Response:
        query = parameters(request, PageQuery)
        visible = access.visibility(g.token)
        denied = services.audit.decisions(LAST, visibility=visible, allowed=False)
        return page("overview.html", "Overview", query, denied=denied)
