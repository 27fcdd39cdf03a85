"""Signatures of deliveries, compared in constant time.

In: a secret, the signed bytes, what a header states. Out: whether the signature holds. An empty
secret and an empty signature never hold. Sources: RFC 2104 (HMAC); GitHub, "Validating webhook
deliveries"; Standard Webhooks 1.0.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Final
from urllib.parse import parse_qs

from policyd.errors import RequestError, Unauthorized

TOLERANCE: Final = 300
"""Seconds by which the time of a signature may differ from the clock here."""
SECRET_PREFIX: Final = b"whsec_"
_FORM: Final = "application/x-www-form-urlencoded"


def holds_hex(secret: bytes, signed: bytes, signature: str) -> bool:
    """Return whether `signature` is the HMAC-SHA256 of `signed` in lower-case hexadecimal."""
    expected = hmac.new(secret, signed, hashlib.sha256).hexdigest()
    return bool(secret and signature) and hmac.compare_digest(
        expected.encode(), signature.encode("utf-8", "replace")
    )


def check_standard(secret: bytes, headers: dict[str, str], body: bytes, now: int) -> None:
    """Check the headers webhook-id, -timestamp and -signature of Standard Webhooks.

    `secret` is "whsec_" and the key in base64. `now` is in seconds since the epoch. Raises
    Unauthorized.
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as error:
        raise Unauthorized("the signing secret is not whsec_ and base64") from error
    name, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
        raise Unauthorized("the header webhook-timestamp is not a time in seconds")
    if abs(int(stamp) - now) > TOLERANCE:
        raise Unauthorized(f"the delivery was signed more than {TOLERANCE} seconds from now")
    signed = b".".join((name.encode(), stamp.encode(), body))
    expected = b"v1," + base64.b64encode(hmac.digest(key, signed, "sha256"))
    given = headers.get("webhook-signature", "").encode("utf-8", "replace").split(b" ")
    if not key or not name or not any(hmac.compare_digest(expected, one) for one in given):
        raise Unauthorized("the signature of the delivery does not match the secret")


def json_of(content_type: str, body: bytes) -> bytes:
    """Return the JSON of a delivery: the body, or the field `payload` of a form.

    Raises RequestError for a form without exactly one such field.
    """
    if content_type.partition(";")[0].strip().lower() != _FORM:
        return body
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=2)
    except (ValueError, UnicodeDecodeError) as error:
        raise RequestError("the form of the delivery is not valid") from error
    payloads = fields.get("payload", [])
    if len(payloads) != 1 or len(fields) != 1:
        raise RequestError("the form of the delivery must have exactly one field, payload")
    return payloads[0].encode()
