"""POST /hooks/<kind>/<name>: receive the webhooks of a forge.

The signature is checked on the raw bytes before anything is read. The answer is 202 once the event
is on disk; it is reviewed in the background. Forges do not repeat a delivery that fails.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import structlog
from flask import Flask, Response, request

from policyd import wire
from policyd.errors import NotFound
from policyd.forge_settings import ForgeSettings
from policyd.forges import FORGES
from policyd.forges.events import Change, Event, ExceptionRequest, Ignored
from policyd.forges.reviews import ForgeReviews
from policyd.limits import MIB
from policyd.policies.matching import matches_any
from policyd.secret_files import secret_in
from policyd.services import Services
from policyd.web.body import body_of
from policyd.web.replies import failure, reply

ENDPOINT: Final = "forge_deliveries"

FORGE_REVIEWS: Final = "policyd.forge_reviews"
"""The key in `Flask.extensions` of the application's ForgeReviews, which must be closed with it."""

MAX_DELIVERY: Final = 25 * MIB
"""Bytes of a delivery. GitHub sends none that is larger."""
SECOND: Final = 1_000_000_000
"""Nanoseconds."""

log = structlog.get_logger("policyd.forges")


def add_routes(app: Flask, services: Services) -> None:
    """Add the route, as ENDPOINT. Raises ConfigError for a secret that cannot be read.

    A secret is read for each delivery, so a new one counts at once.
    """
    forges = services.settings.forges

    def secret(name: str) -> bytes:
        return secret_in(forges[name].secret_file, f"forges.{name}.secret_file").encode()

    for name in forges:
        secret(name)
    reviews = ForgeReviews(services)
    app.extensions[FORGE_REVIEWS] = reviews

    @app.post("/hooks/<kind>/<name>", endpoint=ENDPOINT)
    def receive(kind: str, name: str) -> Response:
        if name not in forges or forges[name].kind != kind:
            raise NotFound(f"no forge of the kind {kind} named {name!r} is configured")
        body = body_of(request, MAX_DELIVERY)
        headers = {key.lower(): value for key, value in request.headers.items()}
        adapter = FORGES[kind]
        payload = adapter.verified(headers, body, secret(name), services.clock() // SECOND)
        return _accept(reviews, name, forges[name], adapter.parse(headers, payload))


def _accept(reviews: ForgeReviews, name: str, forge: ForgeSettings, event: Event) -> Response:
    wanted = event if isinstance(event, Ignored) else _wanted(forge, event)
    if isinstance(wanted, Ignored):
        log.info(
            "event ignored",
            forge=name,
            event_id=wanted.delivery,
            repository=wanted.repository,
            reason=wanted.reason,
        )
        return reply(wire.Accepted(accepted=0), HTTPStatus.ACCEPTED)
    if not reviews.offer(name, wanted):
        return failure(
            HTTPStatus.SERVICE_UNAVAILABLE, "too many changes are waiting; try again later"
        )
    return reply(wire.Accepted(accepted=1), HTTPStatus.ACCEPTED)


def _wanted(
    forge: ForgeSettings, event: Change | ExceptionRequest
) -> Change | ExceptionRequest | Ignored:
    if not matches_any(forge.repositories, event.repository):
        return Ignored(event.delivery, "the repository is not configured", event.repository)
    if forge.user and event.actor == forge.user:
        return Ignored(event.delivery, "policyd itself caused it", event.repository)
    return event
