"""GET /v1/policies: the policies in force and their constraints."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Flask, Response, request

from policyd.errors import NotFound
from policyd.policies.policy_set import PolicySet
from policyd.services import Services
from policyd.web.query import NoParameters, parameters
from policyd.web.replies import reply


def add_routes(app: Flask, services: Services) -> None:
    """Add the routes of the policy list and of one policy."""

    @app.get("/v1/policies")
    def policies() -> Response:
        parameters(request, NoParameters)
        policy_set = services.policy_set
        items = [_described(policy, policy_set) for policy in policy_set.policies]
        return reply("PolicyList", policySet=policy_set.reference, items=items)

    @app.get("/v1/policies/<policy_id>")
    def policy(policy_id: str) -> Response:
        parameters(request, NoParameters)
        policy_set = services.policy_set
        if policy_id not in policy_set.policies:
            raise NotFound(f"there is no policy {policy_id} in the policy set {policy_set.name}")
        return reply("Policy", **_described(policy_id, policy_set))


def _described(policy_id: str, policy_set: PolicySet) -> dict[str, Any]:
    """Return a policy and its constraints, without their places in files: these are not public."""
    constraints = [
        {name: value for name, value in msgspec.to_builtins(found).items() if name != "location"}
        for found in policy_set.constraints
        if found.policy == policy_id
    ]
    return {**msgspec.to_builtins(policy_set.policies[policy_id]), "constraints": constraints}
