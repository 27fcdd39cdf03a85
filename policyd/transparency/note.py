"""Signed notes: a text with signatures by named Ed25519 keys.

In: texts, keys in the forms of C2SP. Out: notes, or the names of the keys whose signatures hold.
Pure but for the arithmetic of `cryptography`. Source: C2SP signed-note and tlog-cosignature.

A note is a text that ends in a newline, a blank line, and lines `— NAME BASE64`, where BASE64 is
the 4-byte id of the key and the signature. The id of a key is the beginning of
SHA-256(NAME, newline, type, public key). A line of an unknown key is ignored; a line of a known key
that does not verify makes the whole note invalid.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from policyd.errors import ConfigError, NoteError

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
except ImportError as error:
    raise ConfigError(
        "signatures need the package cryptography: pip install 'policyd[signing]'"
    ) from error

ED25519: Final = 1
COSIGNATURE: Final = 4
"""Types of keys: a log signs the text; a witness signs a timestamp and the text."""
MAX_NOTE: Final = 1_000_000
"""Bytes of a note."""
MAX_SIGNATURES: Final = 64
"""Signature lines of a note; C2SP demands that at least 16 are accepted."""

_NAME: Final = re.compile(r"[^\s+\x00-\x1f]+")
_LINE: Final = re.compile(r"— (?P<name>[^\s+\x00-\x1f]+) (?P<signature>[A-Za-z0-9+/]+={0,2})")
_ID_SIZE: Final = 4
_TIME_SIZE: Final = 8


class Verifier(msgspec.Struct, frozen=True):
    """The public key of a log or a witness: `public` has 32 bytes."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """Return the 4 bytes by which signature lines name the key."""
        text = self.name.encode() + b"\n" + bytes([self.kind]) + self.public
        return hashlib.sha256(text).digest()[:_ID_SIZE]

    @property
    def vkey(self) -> str:
        """Return the key as text, as others configure it: NAME+HEXID+BASE64."""
        public = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{public}"


class Signature(msgspec.Struct, frozen=True):
    """A signature that holds: who signed, and for a witness when (seconds since the epoch)."""

    name: str
    time: int = 0


class Signer:
    """The private key of a log, which signs notes by its name."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        """Raise NoteError when `name` is not a valid name of a key."""
        if not _NAME.fullmatch(name):
            raise NoteError(f"invalid key name {name!r}: it must not have blanks or '+'")
        self._private = private
        public = private.public_key().public_bytes_raw()
        self.verifier = Verifier(name, ED25519, public)

    def sign(self, text: str) -> str:
        """Return `text` as a note with one signature."""
        signature = self.verifier.key_id + self._private.sign(text.encode())
        return f"{text}\n— {self.verifier.name} {base64.b64encode(signature).decode()}\n"


def private_key_of(pem: bytes) -> Ed25519PrivateKey:
    """Return the private key in `pem`. Raises NoteError when it is not valid."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise NoteError("is not a private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise NoteError("is not an Ed25519 key")
    return key


def verifier_of(vkey: str) -> Verifier:
    """Return the key that the text `vkey` states. Raises NoteError when it is not valid."""
    name, _, rest = vkey.partition("+")
    identifier, _, encoded = rest.partition("+")
    try:
        decoded = base64.b64decode(encoded, validate=True)
    except ValueError:  # not base64, or not ASCII
        decoded = b""
    if not decoded or not _NAME.fullmatch(name):
        raise NoteError(f"invalid public key {vkey!r}: expected NAME+ID+BASE64")
    verifier = Verifier(name, decoded[0], decoded[1:])
    if verifier.kind not in (ED25519, COSIGNATURE) or len(verifier.public) != 32:
        raise NoteError(f"the public key of {name} is not an Ed25519 key")
    if verifier.key_id.hex() != identifier:
        raise NoteError(f"the public key of {name} does not match its key ID {identifier}")
    return verifier


def open_note(note: str, verifiers: Iterable[Verifier]) -> tuple[str, list[Signature]]:
    """Return the text of `note` and the signatures by `verifiers`, in the order of the lines.

    Raises NoteError when the note is malformed, when a signature by one of `verifiers` does not
    hold, and when none of them signed.
    """
    text, found = signatures_of(note, verifiers)
    if not found:
        raise NoteError("the note has no signature by a known key")
    return text, found


def signatures_of(note: str, verifiers: Iterable[Verifier]) -> tuple[str, list[Signature]]:
    """Return the text of `note` and the signatures by `verifiers`, which may be none.

    Raises NoteError when the note is malformed, and when a signature by one of them does not hold.
    """
    text, lines = _parts(note)
    known = {(one.name, one.key_id): one for one in verifiers}
    found: dict[tuple[str, bytes], Signature] = {}
    for line in lines:
        match = _LINE.fullmatch(line)
        decoded = _decoded(match["signature"]) if match else b""
        if not match or len(decoded) <= _ID_SIZE:
            raise NoteError("the note has a malformed signature line")
        key = (match["name"], decoded[:_ID_SIZE])
        if key in known and key not in found:
            found[key] = _checked(known[key], text, decoded[_ID_SIZE:])
    return text, list(found.values())


def cosigned_text(text: str, time: int) -> bytes:
    """Return what a witness signs to state that it saw the checkpoint `text` at `time`."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


def _parts(note: str) -> tuple[str, Sequence[str]]:
    if len(note) > MAX_NOTE or not note.endswith("\n"):
        raise NoteError("the note is too long, or does not end in a newline")
    body, separator, signatures = note.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    if not separator or not signatures or len(lines) > MAX_SIGNATURES:
        raise NoteError(f"the note does not have 1 to {MAX_SIGNATURES} signature lines")
    text = body + "\n"
    if any(ord(character) < 0x20 and character != "\n" for character in text):
        raise NoteError("the note has control characters")
    return text, lines


def _decoded(encoded: str) -> bytes:
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return b""


def _checked(verifier: Verifier, text: str, signature: bytes) -> Signature:
    time, message = 0, text.encode()
    if verifier.kind == COSIGNATURE:
        time = int.from_bytes(signature[:_TIME_SIZE], "big")
        signature, message = signature[_TIME_SIZE:], cosigned_text(text, time)
    try:
        Ed25519PublicKey.from_public_bytes(verifier.public).verify(signature, message)
    except InvalidSignature as error:
        raise NoteError(f"the signature by {verifier.name} does not hold") from error
    return Signature(verifier.name, time)
