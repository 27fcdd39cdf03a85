"""The Flask application of the webhook.

In: the services of this process. Out: a WSGI application: POST /v1/review, GET /v1/decisions,
/v1/grants, /v1/hooks and /v1/policies, /bundles/<name>.tar.gz, /metrics and /log/…, POST
/hooks/registry/<name> and /hooks/<kind>/<name>, GET /healthz and /readyz. Every error is answered
with a Status in JSON. No answer contains a traceback.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import time
import uuid
from collections.abc import Collection, Mapping
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from flask import Flask, Response, current_app, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.routing import WebsocketMismatch

from policyd.audit.pushes import Pushes
from policyd.config import Scope
from policyd.errors import PolicydError, RequestError
from policyd.limits import MAX_FILES
from policyd.logs import log_decision
from policyd.metrics import Metrics
from policyd.services import Services
from policyd.web import (
    access,
    exposition,
    forge_deliveries,
    health,
    hooks,
    opa_bundles,
    openapi,
    policies,
    records,
    registry_notifications,
    reviews,
    revocations,
    transparency,
)
from policyd.web.authentication import Authentication
from policyd.web.body import MemoryRequest
from policyd.web.console import routes as console
from policyd.web.replies import failure, failure_of

ROUTES: Final = (
    health,
    reviews,
    records,
    revocations,
    hooks,
    policies,
    opa_bundles,
    exposition,
    registry_notifications,
    forge_deliveries,
    transparency,
    openapi,
)
"""The modules that add routes."""

OPEN: Final = (
    health.HEALTH,
    health.READINESS,
    openapi.ENDPOINT,
    registry_notifications.ENDPOINT,
    forge_deliveries.ENDPOINT,
)
"""Endpoints that require none of the configured tokens.

Each registry has a token of its own, and each forge a secret that signs.
"""

SCOPES: Final[Mapping[str, Collection[Scope]]] = {
    "/v1/review": ["review"],
    "/v1/decisions": ["audit:read"],
    "/v1/decisions/<decision_id>": ["audit:read"],
    "/v1/events": ["audit:read"],
    "/v1/grants": ["audit:read"],
    "/v1/grants/<grant>/revoke": ["admin"],
    "/v1/gpus": ["audit:read"],
    "/v1/usage": ["audit:read"],
    "/v1/hooks": ["admin"],
    "/v1/policies": ["review", "bundles"],
    "/v1/policies/<policy_id>": ["review", "bundles"],
    "/bundles/<name>.tar.gz": ["bundles"],
    "/metrics": ["metrics"],
    "/log/checkpoint": ["audit:read"],
    "/log/tile/<path:name>": ["audit:read"],
}
"""The scopes that permit each route, one of which a token must have."""

log = structlog.get_logger("policyd.web")


def create_app(services: Services) -> Flask:
    """Return the application that answers with `services`.

    Raises ConfigError when a registry's password cannot be read, and when there is no audit log.
    """
    _prepare_types()
    waiting = Pushes(services.audit).waiting
    metrics = Metrics(services.rules, services.clock, waiting)
    services = msgspec.structs.replace(services, observer=metrics)
    app = Flask("policyd.web", static_folder=None)
    app.request_class = MemoryRequest
    app.url_map.merge_slashes = False  # a path with "//" does not exist; it would be redirected
    app.config["MAX_CONTENT_LENGTH"] = services.settings.max_body
    app.config["MAX_FORM_MEMORY_SIZE"] = services.settings.max_body
    app.config["MAX_FORM_PARTS"] = MAX_FILES + 1
    app.before_request(_start)
    app.before_request(_refuse_nul)
    authentication = Authentication(services.settings, services.audit)
    has_console = services.settings.console
    app.before_request(lambda: _authenticate(authentication, has_console))
    app.after_request(_finish)
    app.register_error_handler(PolicydError, failure_of)
    app.register_error_handler(HTTPException, _http_failure)
    app.register_error_handler(Exception, _unexpected)
    for module in ROUTES:
        module.add_routes(app, services)
    if has_console:
        console.add_routes(app, services, authentication)
    return app


def _authenticate(authentication: Authentication, has_console: bool) -> None:
    """Set `g.token` and `g.job`, except where the console does and where nobody needs a token."""
    g.job = None
    if _endpoint() in OPEN or (has_console and console.owns(request.path)):
        return
    sender = authentication.sender(request.headers.get("Authorization", ""))
    if sender is None:
        access.refuse_browsers(request.host, request.headers.get("Origin", ""))
        g.token = access.LOCAL
    else:
        g.token, g.job = sender
    if request.url_rule is not None:
        access.require_scope(g.token, SCOPES[request.url_rule.rule])


def _endpoint() -> str | None:
    """Return the endpoint of the path, also for a method that it does not take; None if unknown."""
    refused = request.routing_exception
    adapter = current_app.create_url_adapter(request)
    if not isinstance(refused, MethodNotAllowed) or adapter is None:
        return request.endpoint
    return str(adapter.match(method=next(iter(refused.valid_methods or ()), None))[0])


def _prepare_types() -> None:
    """Make msgspec build its decoders for all types of policyd now, in one thread.

    It builds a decoder when a type is first decoded, and crashes the process if two threads are
    the first at the same time. A type whose fields name what is imported for type checkers only
    cannot be decoded, and is left out.
    """
    waiting = list(msgspec.Struct.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("policyd."):
            with contextlib.suppress(NameError):
                msgspec.json.Decoder(kind)


def _start() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else str(uuid.uuid4())
    g.started = time.perf_counter()
    g.decision = None


def _refuse_nul() -> None:
    """Raise RequestError for a search for NUL: no audit log has it, and PostgreSQL fails."""
    texts = (request.path, *request.args.keys(), *itertools.chain(*request.args.listvalues()))
    if request.method in ("GET", "HEAD") and any("\0" in text for text in texts):
        raise RequestError("the address of the request has a NUL character, %00: remove it")


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.setdefault("Cache-Control", "no-store")
    log_decision(
        log,
        "request",
        g.decision,
        method=request.method,
        path=request.path,
        status=response.status_code,
        ms=round((time.perf_counter() - g.started) * 1000, 2),
        request_id=g.request_id,
        owner=g.token.owner if "token" in g else "",
    )
    return response


def _http_failure(error: HTTPException) -> Response:
    code = error.code or HTTPStatus.INTERNAL_SERVER_ERROR
    message = error.description or HTTPStatus(code).phrase
    if isinstance(error, RequestEntityTooLarge):
        message = "request body too large"
    elif isinstance(error, WebsocketMismatch):
        message = f"{request.path} does not support WebSocket: remove the header Upgrade"
    elif code == HTTPStatus.NOT_FOUND:
        message = f"{request.path} does not exist"
    elif code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.path} does not support {request.method}"
    response = failure(code, message)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    """Log an unexpected error and answer 500: nothing is allowed."""
    log.error("internal error", request_id=g.get("request_id", ""), exc_info=error)
    return failure(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; see the log")
