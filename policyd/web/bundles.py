"""GET /bundles/<name>.tar.gz: the policy set in force as a bundle, which OPA servers follow.

An OPA that asks again with the ETag that it was given is told that nothing has changed.
"""

from __future__ import annotations

import hashlib

from flask import Flask, Response, request

from policyd import opa_bundle
from policyd.bootstrap import Services
from policyd.errors import NotFound
from policyd.policies.policy_set import PolicySet
from policyd.web.query import NoParameters, parameters


def add_routes(app: Flask, services: Services) -> None:
    """Add the route."""
    bundles = _Bundles()

    @app.get("/bundles/<name>.tar.gz")
    def bundle(name: str) -> Response:
        parameters(request, NoParameters)
        policy_set = services.policy_set
        if name != policy_set.name:
            raise NotFound(f"the policy set in force is {policy_set.name!r}, not {name!r}")
        content, digest = bundles.of(policy_set)
        response = Response(content, mimetype="application/gzip")
        response.set_etag(digest)
        response.make_conditional(request)
        return response


class _Bundles:
    """Keeps the bundle that was made last, with its digest."""

    def __init__(self) -> None:
        self._made = ("", b"", "")

    def of(self, policy_set: PolicySet) -> tuple[bytes, str]:
        revision, content, digest = self._made
        if revision != policy_set.revision:
            content = opa_bundle.build(policy_set)
            digest = hashlib.sha256(content).hexdigest()
            self._made = (policy_set.revision, content, digest)
        return content, digest
