"""GET /bundles/<name>.tar.gz: the policy set in force as an OPA bundle, for OPA servers to poll.

A request with the current ETag is answered with 304 Not Modified.
"""

from __future__ import annotations

import hashlib

from flask import Flask, Response, request

from policyd import opa_bundle
from policyd.errors import NotFound
from policyd.policies.policy_set import PolicySet
from policyd.services import Services
from policyd.web.query import NoParameters, parameters


def add_routes(app: Flask, services: Services) -> None:
    """Add the route."""
    cache = _Cache()

    @app.get("/bundles/<name>.tar.gz")
    def bundle(name: str) -> Response:
        parameters(request, NoParameters)
        policy_set = services.policy_set
        if name != policy_set.name:
            raise NotFound(f"the policy set in force is {policy_set.name!r}, not {name!r}")
        content, digest = cache.bundle_of(policy_set)
        response = Response(content, mimetype="application/gzip")
        response.set_etag(digest)
        response.make_conditional(request)
        return response


class _Cache:
    """Keeps the OPA bundle that was built last, with its SHA-256."""

    def __init__(self) -> None:
        self._built = ("", b"", "")

    def bundle_of(self, policy_set: PolicySet) -> tuple[bytes, str]:
        revision, content, digest = self._built
        if revision != policy_set.revision:
            content = opa_bundle.build(policy_set)
            digest = hashlib.sha256(content).hexdigest()
            self._built = (policy_set.revision, content, digest)
        return content, digest
