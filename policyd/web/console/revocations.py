"""/console/grants/<grant>/revoke: end a grant, with who did it and why.

In: the name of an active grant, SEQUENCE.POSITION; a reason in a form. Out: a form that says what
the grant is of; an event of the audit log. A token revokes only grants that it may read.
"""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import msgspec
from flask import Blueprint, Response, g, request

from policyd.audit.event import GrantRecord
from policyd.config import Scope
from policyd.errors import RequestError
from policyd.formats.grant_words import devices, workload
from policyd.services import Services
from policyd.web.console import entry
from policyd.web.console.pages import html
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import see_other
from policyd.web.revocations import MAX_REASON, active_grant, check_reason

SCOPES: Final[Mapping[str, tuple[Scope, ...]]] = {"/console/grants/<grant>/revoke": ("admin",)}
AFTERWARDS: Final = "/console/gpus"
"""The page that follows unless the form names another one."""


class RevocationQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`next` is the page that follows."""

    next: str = AFTERWARDS


def add_routes(blueprint: Blueprint, services: Services) -> None:
    """Add the routes."""

    @blueprint.get("/grants/<grant>/revoke")
    def ask_to_revoke(grant: str) -> Response:
        query = parameters(request, RevocationQuery)
        return _form(active_grant(services.audit, grant), query.next)

    @blueprint.post("/grants/<grant>/revoke")
    def revoke(grant: str) -> Response:
        parameters(request, NoParameters)
        record = active_grant(services.audit, grant)
        target = request.form.get("next", "")
        reason = request.form.get("reason", "").replace("\r\n", "\n").strip()
        try:
            check_reason(reason)
        except RequestError as error:
            return _form(record, target, reason, str(error), HTTPStatus.BAD_REQUEST)
        services.audit.revoke([record], now=services.clock(), actor=g.token.owner, reason=reason)
        return see_other(entry.safe_target(target))


def _form(
    record: GrantRecord, target: str, reason: str = "", problem: str = "", code: int = HTTPStatus.OK
) -> Response:
    return html(
        "revoke.html",
        code,
        title=f"Revoke the grant {record.name}",
        grant=record,
        devices=devices(record.devices, record.method),
        workload=workload(record),
        target=entry.safe_target(target),
        reason=reason[:MAX_REASON],
        limit=MAX_REASON,
        problem=problem,
    )
