"""GET /v1/policies: the policies in force and their constraints."""

from __future__ import annotations

from flask import Flask, Response, request

from policyd import wire
from policyd.errors import NotFound
from policyd.services import Services
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import reply


def add_routes(app: Flask, services: Services) -> None:
    """Add the routes of the policy list and of one policy."""

    @app.get("/v1/policies")
    def policies() -> Response:
        parameters(request, NoParameters)
        return reply(wire.policy_list(services.policy_set, locations=False))

    @app.get("/v1/policies/<policy_id>")
    def policy(policy_id: str) -> Response:
        parameters(request, NoParameters)
        policy_set = services.policy_set
        found = policy_set.policies.get(policy_id)
        if found is None:
            raise NotFound(f"there is no policy {policy_id} in the policy set {policy_set.name}")
        return reply(wire.policy_document(found, policy_set, locations=False))
