"""An issuer of OpenID Connect tokens on this machine, and claims as CI systems state them."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE: Final = "https://policyd.acme.example"

REQUEST_PATH: Final = "/token?api-version=2.0"
"""Where a job of GitHub requests its token."""
REQUEST_TOKEN: Final = "the-request-token-of-the-job"


@cache
def rsa_key(name: str = "first", bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the RSA key called `name`."""
    return rsa.generate_private_key(65537, bits)


@cache
def ec_key(name: str = "ec") -> ec.EllipticCurvePrivateKey:
    """Return the key on P-256 called `name`."""
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: Any, kid: str, **fields: Any) -> dict[str, Any]:
    """Return the public part of `key` as a JSON Web Key."""
    is_rsa = isinstance(key, rsa.RSAPrivateKey)
    public: dict[str, Any] = json.loads(
        RSAAlgorithm.to_jwk(key.public_key()) if is_rsa else ECAlgorithm.to_jwk(key.public_key())
    )
    return {**public, "kid": kid, "use": "sig", "alg": "RS256" if is_rsa else "ES256", **fields}


def unsigned(header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    """Return a token with this header, whatever it says."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in (header, claims)
    ]
    return ".".join([*parts, signature])


class StandInIssuer:
    """What an issuer answers; tests change it. `requests` counts the requests for its keys.

    `exchanged` has the Authorization header and the form of each request for `id_token`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: list[dict[str, Any]] = [jwk(rsa_key(), "first")]
        self.discovery: dict[str, Any] = {"issuer": url, "jwks_uri": f"{url}/keys"}
        self.discovery |= {"authorization_endpoint": f"{url}/authorize"}
        self.discovery |= {"token_endpoint": f"{url}/exchange"}
        self.exchanged: list[tuple[str, dict[str, list[str]]]] = []
        self.id_token = ""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.requests = 0

    def token(self, key: Any = None, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token of GitHub with these claims changed. A claim that is None is left out."""
        stated = {**github(self.url), **claims}
        stated = {name: value for name, value in stated.items() if value is not None}
        key = key or rsa_key()
        algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(stated, key, algorithm, headers={"kid": "first", **(headers or {})})


def github(issuer: str) -> dict[str, Any]:
    """Return the claims of a job of GitHub Actions for a push to a protected branch."""
    now = int(time.time())
    return {
        "iss": issuer,
        "aud": AUDIENCE,
        "iat": now,
        "nbf": now - 5,
        "exp": now + 300,
        "jti": f"jti-{now}",
        "sub": "repo:acme@7/train@42:ref:refs/heads/main",
        "repository": "acme/train",
        "repository_id": "42",
        "repository_owner": "acme",
        "repository_owner_id": "7",
        "ref": "refs/heads/main",
        "ref_type": "branch",
        "ref_protected": "true",
        "sha": "a" * 40,
        "actor": "octocat",
        "actor_id": "583231",
        "event_name": "push",
        "runner_environment": "github-hosted",
        "job_workflow_ref": "acme/ci/.github/workflows/gate.yml@refs/heads/main",
    }


def gitlab(issuer: str) -> dict[str, Any]:
    """Return the claims of a job of GitLab CI for a push to a protected branch."""
    now = int(time.time())
    return {
        "iss": issuer,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 3600,
        "jti": f"jti-{now}",
        "sub": "project_path:acme/ml/train:ref_type:branch:ref:main",
        "namespace_id": "7",
        "namespace_path": "acme/ml",
        "project_id": "42",
        "project_path": "acme/ml/train",
        "job_project_id": "42",
        "job_project_path": "acme/ml/train",
        "user_id": "5",
        "user_login": "ada",
        "pipeline_source": "push",
        "ref": "main",
        "ref_type": "branch",
        "ref_path": "refs/heads/main",
        "ref_protected": "true",
        "sha": "b" * 40,
        "runner_id": 3,
    }


@contextmanager
def issuing() -> Iterator[StandInIssuer]:
    """Yield an issuer that answers on this machine until the end of the context."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found: Any = None
            if self.path == "/.well-known/openid-configuration":
                found = issuer.discovery
            elif self.path.startswith(f"{REQUEST_PATH}&"):
                if self.headers["Authorization"] == f"bearer {REQUEST_TOKEN}":
                    (audience,) = parse_qs(urlsplit(self.path).query)["audience"]
                    found = {"count": 1, "value": issuer.token(aud=audience)}
            elif self.path == "/keys":
                issuer.requests += 1
                found = {"keys": issuer.keys}
            body = json.dumps(found).encode()
            self.send_response(issuer.status if found is not None else 404)
            for name, value in issuer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            """Exchange a code for `id_token`; without one, refuse."""
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            issuer.exchanged.append((self.headers.get("Authorization", ""), form))
            body = json.dumps({"id_token": issuer.id_token} if issuer.id_token else {}).encode()
            self.send_response(200 if issuer.id_token else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = StandInIssuer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()
