"""The routes of the console in the application of the webhook.

In: the services of this process. Out: the pages below /console/, each with the scopes that it
needs. Errors are pages with the same sentences as those of the API.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Flask, Response, request
from jinja2 import StrictUndefined

from policyd.config import Scope
from policyd.services import Services
from policyd.web.authentication import Authentication
from policyd.web.console import (
    assets,
    audit,
    decision,
    decision_policies,
    decisions,
    entry,
    exceptions,
    gpu_hours,
    gpus,
    hooks,
    oidc,
    overview,
    pages,
    playground,
    policies,
    projects,
    revocations,
    sign_in,
)
from policyd.web.replies import see_other

NAME: Final = "console"
PREFIX: Final = "/console"
_PAGES: Final = (
    overview,
    decisions,
    decision,
    decision_policies,
    gpu_hours,
    gpus,
    playground,
    projects,
    policies,
    exceptions,
    hooks,
    audit,
    revocations,
)
"""The modules of pages. Each has SCOPES, by route, and adds its routes to the blueprint."""

SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {
    route: scopes for module in _PAGES for route, scopes in module.SCOPES.items()
}
"""The scopes that permit each page, one of which a token must have."""


def owns(path: str) -> bool:
    """Return whether the address `path` belongs to the console, whether or not it exists."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def add_routes(app: Flask, services: Services, authentication: Authentication) -> None:
    """Add the console to `app`."""
    blueprint = Blueprint(NAME, __name__, template_folder="templates")
    door = entry.Entry(services, authentication)
    blueprint.before_app_request(lambda: door.admit(SCOPES) if owns(request.path) else None)
    blueprint.after_app_request(_finish)
    blueprint.app_context_processor(pages.context)
    for module in _PAGES:
        module.add_routes(blueprint, services)
    assets.add_routes(blueprint)
    sign_in.add_routes(blueprint, services, authentication)
    if services.settings.oidc.issuer:
        oidc.add_routes(blueprint, services)

    @blueprint.get("")
    def without_slash() -> Response:
        return see_other(f"{PREFIX}/", HTTPStatus.PERMANENT_REDIRECT)

    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.filters["fit"] = pages.fit
    app.register_blueprint(blueprint, url_prefix=PREFIX)


def _finish(response: Response) -> Response:
    if not owns(request.path):
        return response
    is_failure = response.status_code >= 400 and response.mimetype == "application/json"
    if is_failure and request.args.get("format") != "json":
        response = pages.failure_page(response)
    response.headers.update(pages.HEADERS)
    return entry.keep_browser(response)
