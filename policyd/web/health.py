"""GET /healthz and /readyz: whether this lives, and whether it can judge and record."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response

from policyd.engines import NOTHING
from policyd.errors import EngineError, OtherRevision
from policyd.services import Services
from policyd.web.replies import failure, reply

HEALTH, READINESS = "health", "readiness"


def add_routes(app: Flask, services: Services) -> None:
    """Add both, as endpoints HEALTH and READINESS. Raises ConfigError when there is no log."""
    audit = services.audit

    @app.get("/healthz", endpoint=HEALTH)
    def health() -> Response:
        return reply("Health", status="ok")

    @app.get("/readyz", endpoint=READINESS)
    def readiness() -> Response:
        audit.check_writable()
        try:
            warnings = _engine_warnings(services)
        except EngineError as error:
            return failure(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        if problem := services.rules.status().problem:
            warnings.append(f"the policy set was changed and is refused: {problem}")
        return reply(
            "Health", status="ok", policySet=services.policy_set.reference, warnings=warnings
        )


def _engine_warnings(services: Services) -> list[str]:
    """Ask the engine, and return what there is to say. Raises EngineError when it cannot judge."""
    newest = services.policy_set.revision
    refused: list[OtherRevision] = []
    for admission in services.in_turn():
        try:
            admission.engine.findings(NOTHING)
        except OtherRevision as error:
            refused.append(error)
            continue
        revision = admission.policy_set.revision
        if revision == newest:
            return []
        return [f"{refused[0]}; until it follows, {revision} decides"]
    raise refused[0]
