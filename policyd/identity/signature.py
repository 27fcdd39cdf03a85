"""Verify the signature and the standard claims of a token of an OpenID provider.

In: a token, which may be hostile; the keys of its issuer. Out: its claims. Errors: Unauthorized,
IdentityUnavailable; none quotes the token. Sources: RFC 7519, section 7.2; RFC 8725, "JSON Web
Token Best Current Practices".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

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
from policyd.identity.key_set import ALGORITHMS

MAX_TOKEN: Final = 16 * 1024
"""Characters of a token. Those of GitHub and GitLab have some 2,000."""
LEEWAY: Final = 30
"""Seconds by which the clocks of policyd and of an issuer may differ."""


def unverified(token: str) -> tuple[dict[str, Any], str]:
    """Return the header of `token` and its issuer, neither of which is verified."""
    if len(token) > MAX_TOKEN:
        raise Unauthorized(f"the token has more than {MAX_TOKEN:,} characters")
    try:
        whole = jwt.decode_complete(token, options={"verify_signature": False})
    except (PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise Unauthorized("the token is not a valid JSON Web Token") from error
    stated = whole["payload"].get("iss")
    if not isinstance(stated, str):
        raise Unauthorized("the token states no issuer")
    return whole["header"], stated


def verified_claims(
    token: str,
    header: Mapping[str, Any],
    keys: IssuerKeys,
    *,
    issuer: str,
    audience: str,
    required: tuple[str, ...],
    only_audience: bool = True,
) -> dict[str, Any]:
    """Return the claims of `token`, which `issuer` signed for `audience`.

    `header` is that of `unverified`. With `only_audience`, the claim is that text alone; otherwise
    it may be a list. The claims `required` are present, and iat and exp are whole numbers.
    """
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
            audience=audience,
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": list(required), "strict_aud": only_audience},
        )
    except (PyJWTError, ValueError, TypeError, OverflowError) as error:
        raise Unauthorized(_reason(error, audience)) from error
    if not all(type(claims[name]) is int for name in ("iat", "exp")):
        raise Unauthorized("the times of the token are not whole numbers")
    return claims


def _reason(error: Exception, audience: str) -> str:
    if isinstance(error, ExpiredSignatureError):
        return "the token has expired"
    if isinstance(error, ImmatureSignatureError):
        return "the token is not valid yet; compare the clocks of policyd and of its issuer"
    if isinstance(error, InvalidAudienceError):
        return f"the token is not for policyd: its audience must be {audience!r} alone"
    if isinstance(error, MissingRequiredClaimError):
        return f"the token has no claim {error.claim}"
    if isinstance(error, InvalidSignatureError):
        return "the signature of the token is not valid"
    return "the token is not a valid JSON Web Token"
