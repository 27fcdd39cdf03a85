"""Read the public keys of an issuer: a JSON Web Key Set.

In: the text of a key set, which may be hostile. Out: keys by their id. Keys for other purposes and
of other kinds are left out. Errors: IdentityError for a set that no issuer should publish: with
private keys, with one id twice, or with too many keys. Source: RFC 7517; RFC 7518, section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from policyd.errors import IdentityError

MAX_KEY_SET: Final = 256 * 1024
"""Bytes of a key set. Those of GitHub and GitLab have some 10,000."""
MAX_KEYS: Final = 64
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
ALGORITHMS: Final = ("RS256", "ES256")
"""Algorithms of signatures that are accepted. The token only names one of them."""

_PRIVATE: Final = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_KINDS: Final = {"RSA": "RS256", "EC": "ES256"}


def read_key_set(text: bytes) -> dict[str, PyJWK]:
    """Return the keys in `text` that verify signatures, by their id. Raises IdentityError."""
    if len(text) > MAX_KEY_SET:
        raise IdentityError(f"the key set has more than {MAX_KEY_SET:,} bytes")
    try:
        listed = msgspec.json.decode(text, type=dict[str, Any]).get("keys")
    except (ValueError, RecursionError) as error:
        raise IdentityError("the key set is not a JSON object") from error
    if not isinstance(listed, list) or not all(isinstance(key, dict) for key in listed):
        raise IdentityError("the key set has no list `keys` of objects")
    if len(listed) > MAX_KEYS:
        raise IdentityError(f"the key set has {len(listed):,} keys; the limit is {MAX_KEYS}")
    found: dict[str, PyJWK] = {}
    for given in listed:
        if any(name in given for name in _PRIVATE):
            raise IdentityError("the key set contains a private or a secret key")
        key = _usable(given)
        if key is None:
            continue
        if key.key_id in found:
            raise IdentityError(f"the key set has two keys with the id {key.key_id!r}")
        found[str(key.key_id)] = key
    return found


def _usable(given: Mapping[str, Any]) -> PyJWK | None:
    """Return the key that `given` describes if it verifies signatures in a way that is accepted."""
    algorithm = _KINDS.get(str(given.get("kty")), "")
    operations = given.get("key_ops", ["verify"])
    if (
        not algorithm
        or given.get("alg", algorithm) != algorithm
        or given.get("use", "sig") != "sig"
        or not isinstance(operations, list)
        or "verify" not in operations
        or not isinstance(given.get("kid"), str)
    ):
        return None
    try:
        key = PyJWK(dict(given), algorithm)
    except (PyJWTError, ValueError, TypeError) as error:
        raise IdentityError(f"the key set has a malformed key {given['kid']!r}") from error
    public = key.key
    if isinstance(public, RSAPublicKey):
        return key if MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS else None
    is_p256 = isinstance(public, EllipticCurvePublicKey) and public.curve.name == "secp256r1"
    return key if is_p256 else None
