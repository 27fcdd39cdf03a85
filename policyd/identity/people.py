"""Sign people in through an OpenID provider: authorization code flow with PKCE.

In: a secret that only the browser of the person has, then the code that the provider sent with it.
Out: the address at the provider to send the browser to, then what the person may do. State, nonce
and code verifier are derived from the secret, so the server keeps nothing between the two steps.
Errors: Unauthorized, Forbidden, IdentityUnavailable; none quotes a token. Sources: OpenID Connect
Core 1.0, sections 3.1.2 and 3.1.3; RFC 7636, section 4; RFC 9700, section 2.1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

import msgspec
import structlog

from policyd.audit.token_record import Permissions
from policyd.console_settings import ANYBODY, OidcSettings, Role
from policyd.deadline import Deadline, remaining
from policyd.errors import (
    ConfigError,
    DeliveryError,
    Forbidden,
    IdentityError,
    IdentityUnavailable,
    Unauthorized,
)
from policyd.http_endpoint import Endpoint
from policyd.identity.discovery import address_of, discovery_document
from policyd.identity.issuer_keys import IssuerKeys
from policyd.identity.signature import unverified, verified_claims
from policyd.issuer_settings import Issuer
from policyd.secret_files import secret_in

if TYPE_CHECKING:
    from policyd.audit.key_sets import KeySets

TIMEOUT: Final = 5.0
"""Seconds that the provider may take for each request."""
MAX_NAME: Final = 256
"""Characters of the name of a user."""
_REQUIRED: Final = ("iss", "aud", "exp", "iat", "sub", "nonce")

log = structlog.get_logger("policyd.identity")


class People:
    """The people who may sign in through the provider of `settings`. Threads may share it."""

    def __init__(
        self,
        settings: OidcSettings,
        roles: Mapping[str, Role],
        callback: str,
        kept: KeySets | None = None,
    ) -> None:
        """`callback` is the URL of the console that the provider sends browsers back to.

        `kept` are the last keys of issuers. Raises ConfigError for a secret that cannot be read.
        """
        self._settings = settings
        self._roles = roles
        self._callback = callback
        issuer = Issuer(
            issuer=settings.issuer,
            audience=settings.client_id,
            kind="generic",
            repositories=("**",),
            jwks_hosts=settings.hosts,
        )
        self._keys = IssuerKeys("oidc", issuer, kept=kept)
        self._client_secret()

    def address(self, secret: str) -> str:
        """Return the address at the provider to which the browser with `secret` is sent."""
        settings = self._settings
        challenge = hashlib.sha256(_derived("verifier", secret).encode()).digest()
        query = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": self._callback,
            "scope": " ".join(("openid", *settings.scopes)),
            "state": _derived("state", secret),
            "nonce": _derived("nonce", secret),
            "code_challenge": base64.urlsafe_b64encode(challenge).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = self._endpoint("authorization_endpoint", "authorization")
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    def person(self, secret: str, state: str, code: str) -> Permissions:
        """Return what the person may do whom the provider sent back with `state` and `code`.

        `secret` is that of the browser, "" if it has none.
        """
        expected = _derived("state", secret)
        if not secret or not hmac.compare_digest(expected.encode(), state.encode()):
            raise Unauthorized("this sign-in did not begin in this browser: sign in again")
        return self._permissions(self._claims(self._id_token(secret, code), secret))

    def _id_token(self, secret: str, code: str) -> str:
        address = self._endpoint("token_endpoint", "tokens")
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "client_id": self._settings.client_id,
            "code_verifier": _derived("verifier", secret),
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"Accept": "application/json", **self._client_authentication()}
        try:
            endpoint = Endpoint(address, "oidc.issuer", insecure=self._settings.insecure)
            answer = endpoint.send("POST", urlencode(form).encode(), headers, remaining(TIMEOUT))
        except (ConfigError, DeliveryError) as error:
            raise _unavailable(error) from error
        try:
            found = msgspec.json.decode(answer.content, type=dict[str, Any])
        except (ValueError, RecursionError):
            found = {}
        token = found.get("id_token")
        if not answer.is_success or not isinstance(token, str):
            log.warning("sign-in refused by provider", status=answer.status)
            raise Unauthorized("the OpenID provider did not confirm the sign-in: sign in again")
        return token

    def _claims(self, token: str, secret: str) -> Mapping[str, Any]:
        client = self._settings.client_id
        header, _ = unverified(token)
        claims = verified_claims(
            token,
            header,
            self._keys,
            issuer=self._settings.issuer,
            audience=client,
            required=_REQUIRED,
            only_audience=False,
        )
        if claims.get("azp", client) != client or (
            isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims
        ):
            raise Unauthorized("the token of the OpenID provider is for another client")
        nonce = claims["nonce"]
        expected = _derived("nonce", secret)
        if not isinstance(nonce, str) or not hmac.compare_digest(expected, nonce.encode().decode()):
            raise Unauthorized("the token of the OpenID provider is for another sign-in")
        return claims

    def _permissions(self, claims: Mapping[str, Any]) -> Permissions:
        name = claims.get(self._settings.user_claim) or claims["sub"]
        if not isinstance(name, str) or not name.isprintable() or not 0 < len(name) <= MAX_NAME:
            claim = self._settings.user_claim
            raise Forbidden(f"the OpenID provider states no name of the user as {claim}")
        given = claims.get(self._settings.groups_claim, [])
        listed = given if isinstance(given, list) else [given]
        groups = {group for group in listed if isinstance(group, str)} | {ANYBODY}
        for role in self._roles.values():
            if groups & {*role.groups}:
                return Permissions(
                    owner=f"oidc:{name}",
                    scopes=role.scopes,
                    repositories=role.repositories,
                    environments=role.environments,
                    hosts=role.hosts,
                )
        raise Forbidden(f"{name} has none of the groups that may use the console")

    def _endpoint(self, key: str, what: str) -> str:
        try:
            with Deadline(remaining(TIMEOUT)) as deadline:
                document = discovery_document(self._settings.issuer, deadline)
            hosts = self._settings.hosts
            return address_of(document, key, what, self._settings.issuer, hosts)
        except IdentityError as error:
            raise _unavailable(error) from error

    def _client_authentication(self) -> dict[str, str]:
        """Return the header by which policyd authenticates (RFC 6749, section 2.3.1)."""
        secret = self._client_secret()
        if not secret:
            return {}
        pair = f"{quote(self._settings.client_id, safe='')}:{quote(secret, safe='')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def _client_secret(self) -> str:
        file = self._settings.client_secret_file
        return secret_in(file, "oidc.client_secret_file") if file else ""


def _derived(purpose: str, secret: str) -> str:
    return hashlib.sha256(f"{purpose}:{secret}".encode()).hexdigest()


def _unavailable(error: Exception) -> IdentityUnavailable:
    log.warning("OpenID provider unavailable", reason=str(error))
    return IdentityUnavailable("the OpenID provider cannot be asked at the moment; see the log")
