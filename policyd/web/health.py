"""GET /healthz and /readyz: liveness, and readiness to decide and to record decisions."""

from __future__ import annotations

from http import HTTPStatus

from flask import Flask, Response

from policyd import wire
from policyd.admission import Admission
from policyd.engines import EMPTY_INPUT
from policyd.errors import EngineError
from policyd.services import Services
from policyd.web.replies import failure, reply

HEALTH, READINESS = "health", "readiness"
HEALTH_PATH, READINESS_PATH = "/healthz", "/readyz"


def add_routes(app: Flask, services: Services) -> None:
    """Add the routes, as the endpoints HEALTH and READINESS.

    Raises ConfigError when no audit log is configured.
    """
    audit = services.audit

    @app.get(HEALTH_PATH, endpoint=HEALTH)
    def health() -> Response:
        return reply(wire.Health())

    @app.get(READINESS_PATH, endpoint=READINESS)
    def readiness() -> Response:
        audit.check_writable()
        try:
            warnings = engine_warnings(services)
        except EngineError as error:
            return failure(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
        warnings += policy_set_warnings(services)
        warnings += log_warnings(services)
        policy_set = services.policy_set.reference
        return reply(wire.Readiness(policy_set=policy_set, warnings=warnings))


def policy_set_warnings(services: Services) -> list[str]:
    """Return a warning if the files of the policy set are not the ones in force."""
    problem = services.rules.status().problem
    return [f"the changed policy set was refused: {problem}"] if problem else []


def log_warnings(services: Services) -> list[str]:
    """Return a warning if decisions are waiting to be recorded."""
    number = services.deferred.waiting() if services.deferred else 0
    return [f"deferred decisions that are not recorded yet: {number:,}"] if number else []


def engine_warnings(services: Services) -> list[str]:
    """Probe the engine and return warnings. Raises EngineError when it cannot evaluate."""
    newest = services.policy_set.revision
    held = services.with_held(_probe)
    if held == newest:
        return []
    return [f"the engine does not hold the policy set {newest} yet; {held} decides until then"]


def _probe(admission: Admission) -> str:
    """Return the revision of the policy set, once the engine has evaluated it."""
    admission.engine.findings(EMPTY_INPUT)
    return admission.policy_set.revision
