"""POST /v1/grants/<grant>/revoke: end a grant, with who did it and why.

In: the name of a grant, SEQUENCE.POSITION, and a reason. Out: the event in the audit log. A token
revokes only grants that it may read.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Flask, Response, g, request
from msgspec import Meta

from policyd import wire
from policyd.audit.event import GrantRecord
from policyd.audit.log_event import grant_key
from policyd.audit.store import Store
from policyd.errors import NotFound, RequestError, UnsupportedMediaType
from policyd.services import Services
from policyd.web import access
from policyd.web.body import body_of, check_keys
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import reply

MAX_BODY = 64 * 1024
"""Bytes of a request."""
MAX_REASON = 1000
"""Characters of a reason."""


class Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a request: why the grant is revoked."""

    reason: Annotated[str, Meta(min_length=1, max_length=MAX_REASON)]


def add_routes(app: Flask, services: Services) -> None:
    """Add the route."""

    @app.post("/v1/grants/<grant>/revoke")
    def revoke(grant: str) -> Response:
        parameters(request, NoParameters)
        asked = _revocation()
        record = active_grant(services.audit, grant)
        (event,) = services.audit.revoke(
            [record], now=services.clock(), actor=g.token.owner, reason=asked.reason
        )
        return reply(wire.audit_record(event))


def _revocation() -> Revocation:
    if request.mimetype != "application/json":
        kind = request.mimetype or "missing"
        raise UnsupportedMediaType(f"the Content-Type is {kind}; supported is application/json")
    body = body_of(request, MAX_BODY)
    try:
        asked = msgspec.json.decode(body, type=Revocation)
        check_keys(body)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not a revocation: {error}") from error
    check_reason(asked.reason)
    return asked


def check_reason(reason: str) -> None:
    """Raise RequestError if `reason` is blank or too long."""
    if not reason.strip():
        raise RequestError("the reason is empty: say why the grant is revoked")
    if len(reason) > MAX_REASON:
        raise RequestError(
            f"the reason has {len(reason):,} characters; the limit is {MAX_REASON:,}"
        )


def active_grant(audit: Store, name: str) -> GrantRecord:
    """Return the active grant so named, if the token may read it.

    Raises NotFound, and RequestError for a malformed name.
    """
    try:
        key = grant_key(name)
    except ValueError as error:
        raise RequestError(str(error)) from error
    record = audit.active_grant(*key)
    visible = access.visibility(g.token)
    if record is None or not visible.shows(record.repository, record.environment, record.host):
        raise NotFound(f"there is no active grant {name}")
    return record
