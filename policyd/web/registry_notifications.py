"""POST /hooks/registry/<name>: receive the notifications of a registry.

The answer is 202 once the pushes are on disk; they are reviewed in the background. An answer of 503
means that they could not be stored: the registry sends the notification again later.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import structlog
from flask import Flask, Response, request

from policyd import wire
from policyd.errors import NotFound, Unauthorized
from policyd.hooks import HOOKS
from policyd.hooks.events import Ignored, Push
from policyd.limits import MIB
from policyd.registry.push_reviews import PushReviews
from policyd.services import Services
from policyd.web.access import digest_of_bearer, is_token
from policyd.web.body import body_of
from policyd.web.replies import failure, reply

ENDPOINT: Final = "registry_notifications"

PUSH_REVIEWS: Final = "policyd.push_reviews"
"""The key in `Flask.extensions` of the application's PushReviews, which must be closed with it."""

MAX_NOTIFICATION: Final = 4 * MIB
"""Bytes of a notification. An event has about 2 kB, a notification has one or a few."""

log = structlog.get_logger("policyd.registry")


def add_routes(app: Flask, services: Services) -> None:
    """Add the route, as ENDPOINT. Raises ConfigError for a password that cannot be read."""
    registries = services.settings.registries
    reviews = PushReviews(services)
    app.extensions[PUSH_REVIEWS] = reviews

    @app.post("/hooks/registry/<name>", endpoint=ENDPOINT)
    def receive(name: str) -> Response:
        if name not in registries:
            raise NotFound(f"no registry named {name!r} is configured")
        registry = registries[name]
        authorization = request.headers.get("Authorization", "")
        if registry.kind == "dockerhub":  # it can send no header
            authorization = f"Bearer {request.args.get('token', '')}"
        if not is_token(digest_of_bearer(authorization), registry.hook_sha256):
            raise Unauthorized("the registry's token is required: Authorization: Bearer …")
        body = body_of(request, MAX_NOTIFICATION)
        return _accept(reviews, name, HOOKS[registry.kind](body))


def _accept(reviews: PushReviews, name: str, events: list[Push | Ignored]) -> Response:
    pushes = []
    for event in events:
        if isinstance(event, Ignored):
            _log_ignored(name, event)
        else:
            pushes.append(event)
    if not reviews.offer(name, pushes):
        return failure(
            HTTPStatus.SERVICE_UNAVAILABLE, "too many pushes are waiting; try again later"
        )
    return reply(wire.Accepted(accepted=len(pushes)), HTTPStatus.ACCEPTED)


def _log_ignored(name: str, event: Ignored) -> None:
    log.info(
        "event ignored",
        registry=name,
        event_id=event.event_id,
        action=event.action,
        repository=event.repository,
        reason=event.reason,
    )
