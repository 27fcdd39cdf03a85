"""What leaves the webhook: JSON of ours, and for every error a Status as Kubernetes has it.

`{"apiVersion": "policyd/v1", "kind": "Status", "status": "Failure", "code": 413,
"reason": "RequestEntityTooLarge", "message": "…"}`
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Response

from policyd.errors import AuditError, PolicydError
from policyd.model import API_VERSION, to_json

REASONS: Final = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestEntityTooLarge",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "UnsupportedMediaType",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


def reply(kind: str, status_code: int = HTTPStatus.OK, **fields: Any) -> Response:
    """Return a JSON document of ours with `fields`."""
    document = {"apiVersion": API_VERSION, "kind": kind, **fields}
    return Response(to_json(document) + b"\n", status_code, mimetype="application/json")


def failure(code: int, message: str, reason: str = "") -> Response:
    """Return the Status of a request that was not carried out."""
    known = reason or REASONS.get(
        HTTPStatus(code), "InternalError" if code >= 500 else "BadRequest"
    )
    return reply("Status", code, status="Failure", code=code, reason=known, message=message)


def failure_of(error: PolicydError) -> Response:
    """Return the Status of `error`. A log that fails makes the service unavailable, for a while."""
    if isinstance(error, AuditError):
        return failure(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    response = failure(error.status_code, str(error), error.reason)
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
