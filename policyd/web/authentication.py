"""Who sends a request: the token, the CI job or this machine.

In: the header Authorization of a request, or the digest of a token. Out: the token that stands for
the sender, and the CI job if it is one. Errors: Unauthorized, Forbidden, AuditError. Source: RFC
6750, section 2.1.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from policyd.audit.store import Store
from policyd.audit.tokens import Tokens
from policyd.config import Settings, Token
from policyd.errors import ConfigError
from policyd.identity.job import Job
from policyd.web import access

if TYPE_CHECKING:
    from policyd.identity.tokens import TokenVerifier


class Sender(NamedTuple):
    """The token that stands for who sends a request; `job` is the CI job, None for others."""

    token: Token
    job: Job | None = None


class Authentication:
    """Identifies senders by the tokens and issuers of `settings` and the tokens in `audit`."""

    def __init__(self, settings: Settings, audit: Store) -> None:
        """Raises ConfigError when issuers are configured and their packages are missing."""
        self._settings = settings
        self._verifier = _verifier(settings, audit)
        self._stored = Tokens(audit)

    def sender(self, authorization: str) -> Sender | None:
        """Return who sends the header `authorization`; None if requests need no token.

        Raises Unauthorized.
        """
        settings = self._settings
        bearer = access.bearer(authorization)
        if access.is_known(authorization, settings.tokens):  # also while the database is away
            return Sender(access.authenticate(authorization, settings.tokens))
        if self._verifier and access.is_json_web_token(bearer):
            job = self._verifier.job(bearer)
            return Sender(access.token_of(job, settings.issuers[job.issuer]), job)
        if stored := self._stored.find(bearer, time.time_ns()):
            return Sender(access.stored_token(stored))
        if self.is_required:
            return Sender(access.authenticate(authorization, settings.tokens))
        return None

    def holder(self, digest: str) -> Token | None:
        """Return the token whose SHA-256 is `digest` (hex), None if it is not valid any more."""
        for token in self._settings.tokens.values():
            if access.is_token(digest, token.sha256):
                return token
        stored = self._stored.find_digest(digest, time.time_ns())
        return access.stored_token(stored) if stored else None

    @property
    def is_required(self) -> bool:
        """Whether requests need a token. Without any, only this machine can connect."""
        settings = self._settings
        configured = settings.tokens or settings.issuers or settings.oidc.issuer
        return bool(configured or self._stored.exist())


def _verifier(settings: Settings, audit: Store) -> TokenVerifier | None:
    if not settings.issuers:
        return None
    # Imported here because only these settings need the packages.
    try:
        from policyd.audit.key_sets import KeySets
        from policyd.identity.tokens import TokenVerifier
    except ImportError as error:
        raise ConfigError(
            "issuers need the packages PyJWT and cryptography: pip install 'policyd[oidc]'"
        ) from error
    return TokenVerifier(settings.issuers, KeySets(audit))
