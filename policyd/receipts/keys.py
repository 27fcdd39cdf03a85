"""Keys that sign and verify receipts, in PEM: Ed25519, or ECDSA on the curve P-256 with SHA-256.

In: PEM texts. Out: keys with their ids, signatures. The id of a key is the SHA-256 digest of its
public key in DER (SubjectPublicKeyInfo), in hexadecimal. Other programs that verify DSSE use ECDSA
by default. Errors: ConfigError, ReceiptError.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

from policyd.errors import ConfigError, ReceiptError

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_pem_private_key,
        load_pem_public_key,
    )
except ImportError as error:
    raise ConfigError(
        "receipts need the package cryptography: pip install 'policyd[signing]'"
    ) from error

MAX_KEYS: Final = 32
"""Public keys that are trusted at the same time."""

_KINDS: Final = "an Ed25519 key or an ECDSA key on the curve P-256"
_CURVE: Final = "secp256r1"
_BLOCK: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----[^-]+-----END PUBLIC KEY-----")


class TrustedKey:
    """A public key whose signatures count."""

    def __init__(self, public: Ed25519PublicKey | ec.EllipticCurvePublicKey) -> None:
        self._public = public
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.key_id = hashlib.sha256(der).hexdigest()

    @property
    def pem(self) -> str:
        """The key in PEM."""
        form = PublicFormat.SubjectPublicKeyInfo
        return self._public.public_bytes(Encoding.PEM, form).decode()

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Return whether `signature` is one of `message` by this key."""
        try:
            if isinstance(self._public, Ed25519PublicKey):
                self._public.verify(signature, message)
            else:
                self._public.verify(signature, message, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """A private key that signs receipts."""

    def __init__(self, private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        self.public = TrustedKey(private.public_key())

    def sign(self, message: bytes) -> bytes:
        """Return the signature of `message`. It is always the same (for ECDSA: RFC 6979)."""
        if isinstance(self._private, Ed25519PrivateKey):
            return self._private.sign(message)
        return self._private.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))


def signing_key_of(pem: bytes, where: str) -> SigningKey:
    """Return the private key in `pem`. Raises ConfigError, which names `where`."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{where} is not a private key in PEM without a password") from error
    if isinstance(key, Ed25519PrivateKey):
        return SigningKey(key)
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == _CURVE:
        return SigningKey(key)
    raise ConfigError(f"{where} is not {_KINDS}; make one with openssl genpkey -algorithm ed25519")


def trusted_keys_of(pem: bytes, where: str) -> tuple[TrustedKey, ...]:
    """Return the public keys in `pem`, one block after the other.

    During a rotation, a file has the old key and the new one. Raises ReceiptError, which names
    `where`.
    """
    if b"PRIVATE KEY" in pem:
        raise ReceiptError(f"{where} contains a private key; use the file of the public key")
    blocks = _BLOCK.findall(pem)
    if not blocks or _BLOCK.sub(b"", pem).strip():
        raise ReceiptError(f"{where} does not consist of public keys in PEM")
    if len(blocks) > MAX_KEYS:
        raise ReceiptError(f"{where} has {len(blocks)} public keys; the limit is {MAX_KEYS}")
    return tuple(_trusted(block, where) for block in blocks)


def _trusted(block: bytes, where: str) -> TrustedKey:
    try:
        key = load_pem_public_key(block)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ReceiptError(f"{where} has a public key that is not valid") from error
    if isinstance(key, Ed25519PublicKey):
        return TrustedKey(key)
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == _CURVE:
        return TrustedKey(key)
    raise ReceiptError(f"{where} has a public key that is not {_KINDS}")
