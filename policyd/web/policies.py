"""GET /v1/policies: the policies in force and their constraints.

A token sees the constraints that can apply to the repositories, environments and hosts that it is
limited to, and of them what concerns these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Flask, Response, g, request

from policyd import wire
from policyd.errors import NotFound
from policyd.services import Services
from policyd.web import access
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import reply
from policyd.web.visible_rules import visible_constraint


def add_routes(app: Flask, services: Services) -> None:
    """Add the routes of the policy list and of one policy."""

    @app.get("/v1/policies")
    def policies() -> Response:
        parameters(request, NoParameters)
        found = wire.policy_list(services.policy_set, locations=False)
        items = [_shown(one) for one in found.items]
        return reply(msgspec.structs.replace(found, items=items))

    @app.get("/v1/policies/<policy_id>")
    def policy(policy_id: str) -> Response:
        parameters(request, NoParameters)
        policy_set = services.policy_set
        found = policy_set.policies.get(policy_id)
        if found is None:
            raise NotFound(f"there is no policy {policy_id} in the policy set {policy_set.name}")
        return reply(_shown(wire.policy_document(found, policy_set, locations=False)))


def _shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `document` of a policy with what the token may read of its constraints."""
    visible = access.rule_visibility(g.token)
    constraints = [visible_constraint(one, visible) for one in document["constraints"]]
    return {**document, "constraints": [one for one in constraints if one is not None]}
