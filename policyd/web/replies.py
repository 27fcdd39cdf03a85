"""Answers: JSON documents, and for every error a Status as in Kubernetes.

`{"apiVersion": "policyd/v1", "kind": "Status", "status": "Failure", "code": 413,
"reason": "RequestEntityTooLarge", "message": "…"}`
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Response

from policyd import wire
from policyd.errors import AuditError, Overloaded, PolicydError, Unrecordable, cut
from policyd.model import to_json

RETRY_SECONDS: Final = "1"
"""After how many seconds a client may repeat a request that was refused because of overload."""

REASONS: Final = {
    HTTPStatus.BAD_REQUEST: "BadRequest",
    HTTPStatus.UNAUTHORIZED: "Unauthorized",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.NOT_FOUND: "NotFound",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.METHOD_NOT_ALLOWED: "MethodNotAllowed",
    HTTPStatus.REQUEST_TIMEOUT: "RequestTimeout",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "RequestEntityTooLarge",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "UnsupportedMediaType",
    HTTPStatus.TOO_MANY_REQUESTS: "TooManyRequests",
    HTTPStatus.SERVICE_UNAVAILABLE: "ServiceUnavailable",
}


def reply(
    document: wire.Document | Mapping[str, Any], status_code: int = HTTPStatus.OK
) -> Response:
    """Return an answer with `document` as JSON."""
    return Response(to_json(document) + b"\n", status_code, mimetype="application/json")


def see_other(address: str, code: int = HTTPStatus.SEE_OTHER) -> Response:
    """Return an answer that sends a browser to `address`. Source: RFC 9110, section 15.4.4."""
    return Response(status=code, headers={"Location": address}, mimetype="text/html")


def failure(code: int, message: str, reason: str = "") -> Response:
    """Return the Status of a request that failed. The default `reason` follows from `code`.

    A `message` over MAX_MESSAGE is cut: it may quote what the sender chose.
    """
    default = "InternalError" if code >= HTTPStatus.INTERNAL_SERVER_ERROR else "BadRequest"
    known = reason or REASONS.get(HTTPStatus(code), default)
    return reply(wire.Status(code=code, reason=known, message=cut(message)), code)


def failure_of(error: PolicydError) -> Response:
    """Return the Status of `error`. When the audit log fails, the service is unavailable."""
    if isinstance(error, AuditError) and not isinstance(error, Unrecordable):
        return failure(HTTPStatus.SERVICE_UNAVAILABLE, str(error))
    response = failure(error.status_code, str(error), error.reason)
    if error.status_code == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Overloaded):
        response.headers["Retry-After"] = RETRY_SECONDS
    return response
