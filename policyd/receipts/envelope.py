"""DSSE envelopes: a payload, its type, and signatures over both.

In: payloads and keys, or the text of an envelope, which may be hostile. Out: envelopes, or payloads
whose signature is by a trusted key. A payload is not parsed before its signature is verified.
Errors: ReceiptError. Source: secure-systems-lab/dsse, protocol.md and envelope.md.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import msgspec

from policyd.errors import ReceiptError

if TYPE_CHECKING:  # the module needs the package cryptography, which is optional
    from policyd.receipts.keys import SigningKey, TrustedKey

Decoded = TypeVar("Decoded")

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MAX_ENVELOPE: Final = 4 * 1024 * 1024
"""Bytes of an envelope. A decision on a project with 1,000 services makes one of 0.5 MB."""
MAX_SIGNATURES: Final = 16


class EnvelopeSignature(msgspec.Struct, frozen=True):
    """A signature in Base64. `keyid` is a hint which key made it, and is not signed."""

    sig: str
    keyid: str = ""


class Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """A signed payload, in Base64."""

    payload: str
    payload_type: str
    signatures: tuple[EnvelopeSignature, ...]


class Opened(msgspec.Struct, frozen=True):
    """A payload whose signature was verified, and the id of the key that signed it."""

    payload: bytes
    key_id: str


def sealed(payload: bytes, key: SigningKey) -> Envelope:
    """Return `payload`, an in-toto statement, in an envelope that is signed by `key`."""
    signature = key.sign(signed_bytes(PAYLOAD_TYPE, payload))
    return Envelope(
        payload=base64.b64encode(payload).decode(),
        payload_type=PAYLOAD_TYPE,
        signatures=(EnvelopeSignature(base64.b64encode(signature).decode(), key.public.key_id),),
    )


def signed_bytes(payload_type: str, payload: bytes) -> bytes:
    """Return what a signature covers: the pre-authentication encoding of DSSE."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def envelope_of(text: bytes) -> Envelope:
    """Return the envelope in `text`, which is JSON. Nothing is verified. Raises ReceiptError."""
    if len(text) > MAX_ENVELOPE:
        raise ReceiptError(f"the envelope exceeds the limit of {MAX_ENVELOPE} bytes")
    envelope = decoded(text, Envelope, "the text is not a DSSE envelope")
    if envelope.payload_type != PAYLOAD_TYPE:
        raise ReceiptError(
            f"the payload of the envelope is {envelope.payload_type!r}; expected {PAYLOAD_TYPE}"
        )
    if not 0 < len(envelope.signatures) <= MAX_SIGNATURES:
        raise ReceiptError(
            f"the envelope has {len(envelope.signatures)} signatures; expected 1 to "
            f"{MAX_SIGNATURES}"
        )
    return envelope


def opened(envelope: Envelope, keys: Sequence[TrustedKey]) -> Opened:
    """Return the payload of `envelope`, which one of `keys` signed. Raises ReceiptError."""
    payload = payload_of(envelope)
    message = signed_bytes(envelope.payload_type, payload)
    for signature in envelope.signatures:
        content = _base64(signature.sig, "a signature")
        # The key id is not signed, so it does not choose the key.
        for key in keys:
            if key.verifies(content, message):
                return Opened(payload, key.key_id)
    trusted = [key.key_id for key in keys]
    for signature in envelope.signatures:
        if signature.keyid in trusted:
            raise ReceiptError(
                f"the signature by the key {signature.keyid} does not match the content: the "
                "receipt was changed after it was signed"
            )
    found = ", ".join(signature.keyid or "an unnamed key" for signature in envelope.signatures)
    raise ReceiptError(
        f"no trusted key signed the receipt: it is signed by {found}; trusted are "
        f"{', '.join(trusted) or 'none'}"
    )


def payload_of(envelope: Envelope) -> bytes:
    """Return the payload of `envelope`, whose signatures are not verified. Raises ReceiptError."""
    return _base64(envelope.payload, "the payload")


def decoded(text: bytes, kind: type[Decoded], what: str) -> Decoded:
    """Return `text`, which is JSON, as a `kind`. Raises ReceiptError, which begins with `what`.

    Programs read an object with duplicate keys differently, so it is refused.
    """
    try:
        json.loads(text.decode(), object_pairs_hook=_checked, parse_constant=_refuse)
        return msgspec.json.decode(text, type=kind)
    except (ValueError, RecursionError) as error:
        raise ReceiptError(f"{what}: {error}") from error


def _checked(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise ValueError(f"duplicate key {name!r}")
        seen.add(name)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not valid JSON")


def _base64(text: str, what: str) -> bytes:
    try:
        # DSSE permits the standard and the URL-safe alphabet.
        return base64.b64decode(text.replace("-", "+").replace("_", "/"), validate=True)
    except binascii.Error as error:
        raise ReceiptError(f"{what} of the envelope is not valid Base64") from error
