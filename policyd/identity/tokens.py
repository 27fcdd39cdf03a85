"""Verify the OpenID Connect tokens of CI jobs.

In: a token, which may be hostile, and the issuers of the settings. Out: the Job that it is about.
Errors: Unauthorized, Forbidden and IdentityUnavailable; none quotes the token.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from policyd.errors import Unauthorized
from policyd.identity.issuer_keys import IssuerKeys
from policyd.identity.job import Job, job_of
from policyd.identity.signature import unverified, verified_claims

if TYPE_CHECKING:
    from policyd.audit.key_sets import KeySets
    from policyd.issuer_settings import Issuer

_REQUIRED: Final = ("iss", "aud", "exp", "iat", "jti")


class TokenVerifier:
    """Verifies the tokens of the issuers in the settings. Threads may share it."""

    def __init__(self, issuers: Mapping[str, Issuer], kept: KeySets | None = None) -> None:
        """`kept` are the last keys of issuers, None where a new process begins without keys."""
        self._issuers = {
            issuer.issuer: (name, issuer, IssuerKeys(name, issuer, kept=kept))
            for name, issuer in issuers.items()
        }

    def job(self, token: str) -> Job:
        """Return the job that `token` is about.

        Raises Unauthorized, Forbidden, IdentityUnavailable.
        """
        header, stated = unverified(token)
        found = self._issuers.get(stated)
        if found is None:
            raise Unauthorized(f"the token is of the issuer {stated[:200]!r}, which is not known")
        name, issuer, keys = found
        claims = verified_claims(
            token,
            header,
            keys,
            issuer=issuer.issuer,
            audience=issuer.audience,
            required=_REQUIRED,
        )
        _check_id_and_lifetime(claims, issuer)
        return job_of(name, issuer, claims)


def _check_id_and_lifetime(claims: Mapping[str, Any], issuer: Issuer) -> None:
    if not isinstance(claims["jti"], str) or not 0 < len(claims["jti"]) <= 256:
        raise Unauthorized("the token has no valid id (jti)")
    lifetime = claims["exp"] - claims["iat"]
    if lifetime > issuer.max_lifetime:
        raise Unauthorized(
            f"the token is valid for {lifetime} s; the limit of its issuer is "
            f"{issuer.max_lifetime} s"
        )
