"""Verify the OpenID Connect tokens of CI jobs.

In: a token, which may be hostile, and the issuers of the settings. Out: the Job that it is about.
Errors: Unauthorized, Forbidden and IdentityUnavailable; none quotes the token. Sources: RFC 7519,
section 7.2; RFC 8725, "JSON Web Token Best Current Practices".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import jwt
from jwt.exceptions import (
    ExpiredSignatureError,
    ImmatureSignatureError,
    InvalidAudienceError,
    InvalidSignatureError,
    MissingRequiredClaimError,
    PyJWTError,
)

from policyd.errors import Unauthorized
from policyd.identity.issuer_keys import IssuerKeys
from policyd.identity.job import Job, job_of
from policyd.identity.key_set import ALGORITHMS

if TYPE_CHECKING:
    from policyd.audit.key_sets import KeySets
    from policyd.issuer_settings import Issuer

MAX_TOKEN: Final = 16 * 1024
"""Characters of a token. Those of GitHub and GitLab have some 2,000."""
LEEWAY: Final = 30
"""Seconds by which the clocks of policyd and of an issuer may differ."""

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
        if len(token) > MAX_TOKEN:
            raise Unauthorized(f"the token has more than {MAX_TOKEN:,} characters")
        header, stated = _unverified(token)
        found = self._issuers.get(stated)
        if found is None:
            raise Unauthorized(f"the token is of the issuer {stated[:200]!r}, which is not known")
        name, issuer, keys = found
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise Unauthorized(f"the token must be signed with {' or '.join(ALGORITHMS)}")
        if not isinstance(key_id, str) or "crit" in header:
            raise Unauthorized("the header of the token must name a key, and no extensions")
        key = keys.find(key_id)
        if key.algorithm_name != algorithm:
            raise Unauthorized("the key of the token is one for another algorithm")
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[str(algorithm)],
                audience=issuer.audience,
                issuer=issuer.issuer,
                leeway=LEEWAY,
                options={"require": list(_REQUIRED), "strict_aud": True},
            )
        except (PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise Unauthorized(_reason(error, issuer)) from error
        _check_times(claims, issuer)
        return job_of(name, issuer, claims)


def _unverified(token: str) -> tuple[dict[str, Any], str]:
    """Return the header of `token` and its issuer, neither of which is verified."""
    try:
        whole = jwt.decode_complete(token, options={"verify_signature": False})
    except (PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Unauthorized("the token is not a valid JSON Web Token") from error
    stated = whole["payload"].get("iss")
    if not isinstance(stated, str):
        raise Unauthorized("the token states no issuer")
    return whole["header"], stated


def _check_times(claims: Mapping[str, Any], issuer: Issuer) -> None:
    if not all(type(claims[name]) is int for name in ("iat", "exp")):
        raise Unauthorized("the times of the token are not whole numbers")
    if not isinstance(claims["jti"], str) or not 0 < len(claims["jti"]) <= 256:
        raise Unauthorized("the token has no valid id (jti)")
    lifetime = claims["exp"] - claims["iat"]
    if lifetime > issuer.max_lifetime:
        raise Unauthorized(
            f"the token is valid for {lifetime} s; the limit of its issuer is "
            f"{issuer.max_lifetime} s"
        )


def _reason(error: Exception, issuer: Issuer) -> str:
    if isinstance(error, ExpiredSignatureError):
        return "the token has expired"
    if isinstance(error, ImmatureSignatureError):
        return "the token is not valid yet; compare the clocks of policyd and of its issuer"
    if isinstance(error, InvalidAudienceError):
        return f"the token is not for policyd: its audience must be {issuer.audience!r} alone"
    if isinstance(error, MissingRequiredClaimError):
        return f"the token has no claim {error.claim}"
    if isinstance(error, InvalidSignatureError):
        return "the signature of the token is not valid"
    return "the token is not a valid JSON Web Token"
