"""The Flask application of the webhook.

In: the services of this process. Out: a WSGI application: POST /v1/review, GET /v1/decisions,
/v1/grants and /v1/policies, /bundles/<name>.tar.gz and /metrics, POST /hooks/registry/<name>, GET
/healthz and /readyz. Every error is a Status in JSON; no answer shows a traceback, and none that is
an error says "allowed".
"""

from __future__ import annotations

import dataclasses
import re
import time
import uuid
from http import HTTPStatus
from typing import Final

import msgspec
import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from policyd.bootstrap import Services
from policyd.bundle import MAX_FILES
from policyd.config import Settings
from policyd.errors import PolicydError
from policyd.logs import log_decision
from policyd.metrics import Metrics
from policyd.web import access, bundles, catalogue, health, records, reviews
from policyd.web.body import MemoryRequest
from policyd.web.registry_hook import RegistryHooks
from policyd.web.replies import failure, failure_of

HOOKS: Final = "policyd.hooks"
"""Where an application keeps its hooks, which are closed with it."""

OPEN: Final = (health.HEALTH, health.READINESS, "registry_hook")
"""Endpoints that need no token of ours; a registry's hook has one of its own."""

log = structlog.get_logger("policyd.web")


def create_app(services: Services) -> Flask:
    """Return the application that answers with `services`.

    Raises ConfigError when a registry's password cannot be read, and when `services` keep no log.
    """
    _prepare_types()
    metrics = Metrics(services.rules, services.clock)
    services = dataclasses.replace(services, observer=metrics)
    app = Flask("policyd.web", static_folder=None)
    app.request_class = MemoryRequest
    app.config["MAX_CONTENT_LENGTH"] = services.settings.max_body
    app.config["MAX_FORM_MEMORY_SIZE"] = services.settings.max_body
    app.config["MAX_FORM_PARTS"] = MAX_FILES + 1
    app.before_request(_start)
    app.before_request(lambda: _authenticate(services.settings))
    app.after_request(_finish)
    app.register_error_handler(PolicydError, failure_of)
    app.register_error_handler(HTTPException, _http_failure)
    app.register_error_handler(Exception, _bug)
    health.add_routes(app, services)
    app.extensions[HOOKS] = _add_hooks(app, services)
    app.post("/v1/review", endpoint="review")(lambda: reviews.review(services))
    for module in (records, catalogue, bundles):
        module.add_routes(app, services)
    _add_metrics(app, metrics)
    return app


def _add_metrics(app: Flask, metrics: Metrics) -> None:
    @app.get("/metrics")
    def show_metrics() -> Response:
        text, content_type = metrics.text(request.headers.get("Accept", ""))
        return Response(text, content_type=content_type)


def _add_hooks(app: Flask, services: Services) -> RegistryHooks:
    hooks = RegistryHooks(services)

    @app.post("/hooks/registry/<name>", endpoint="registry_hook")
    def registry_hook(name: str) -> Response:
        return hooks.receive(name)

    return hooks


def _authenticate(settings: Settings) -> None:
    if request.endpoint in OPEN:
        return
    if not settings.tokens:
        access.refuse_browsers(request.host, request.headers.get("Origin", ""))
    g.token = access.authenticate(request.headers.get("Authorization", ""), settings.tokens)


def _prepare_types() -> None:
    """Have msgspec look at every type of ours now, in one thread.

    It does so when a type is first decoded, and crashes the process when two threads are first.
    """
    waiting = list(msgspec.Struct.__subclasses__())
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("policyd."):
            msgspec.json.Decoder(kind)


def _start() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", given) else str(uuid.uuid4())
    g.started = time.perf_counter()
    g.decision = None


def _finish(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
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
        message = "the body is larger than this takes"
    elif code == HTTPStatus.NOT_FOUND:
        message = f"there is nothing at {request.path}"
    elif code == HTTPStatus.METHOD_NOT_ALLOWED:
        message = f"{request.path} does not take {request.method}"
    response = failure(code, message)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _bug(error: Exception) -> Response:
    """The one boundary of the webhook: what nobody foresaw is logged, and nothing is allowed."""
    log.error("bug", request_id=g.get("request_id", ""), exc_info=error)
    return failure(HTTPStatus.INTERNAL_SERVER_ERROR, "an error that is ours; the log has more")
