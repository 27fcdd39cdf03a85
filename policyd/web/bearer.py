"""Bearer tokens. In: an Authorization header, SHA-256 digests of tokens. Out: whether they agree.

Tokens are compared by digest and in constant time, so neither memory nor timing gives one away.
Source: RFC 6750, section 2.1.
"""

from __future__ import annotations

import hashlib
import hmac
import re


def presented(authorization: str) -> str:
    """Return the SHA-256 (hex) of the bearer token in the header `authorization`; "" for none."""
    found = re.fullmatch(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([\x21-\x7e]+) *", authorization)
    return hashlib.sha256(found[1].encode()).hexdigest() if found else ""


def matches(digest: str, expected: str) -> bool:
    """Whether `digest`, from `presented`, is the `expected` one. An empty one never is."""
    return hmac.compare_digest(digest, expected) and bool(expected)
