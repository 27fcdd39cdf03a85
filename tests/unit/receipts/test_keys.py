"""Keys of receipts: ids as openssl computes them, rotation, and what is refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from policyd.errors import ConfigError, ReceiptError
from policyd.receipts.keys import MAX_KEYS, signing_key_of, trusted_keys_of
from policyd.receipts.verification import verified
from tests.support.cases import cases
from tests.support.receipts import KEY, NOW, OTHER_KEY, PEM, receipt

P384 = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEKDwdc2XOR4jyn46/I07f/q1v6Zf76l/6\n"
    "LVjMnfp7HFCLBVJvVbnrsgQPBbSPttDhlHXJkGHkG4i6Uu/bjBaQRxph2GfteZcp\n"
    "2cks0B29IlYw2E7eMqePnmRmTNrFEu+M\n"
    "-----END PUBLIC KEY-----\n"
)
KINDS = "an Ed25519 key or an ECDSA key on the curve P-256"
RFC_6979 = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
"""The private key of RFC 6979, A.2.5."""


def ecdsa(curve: ec.EllipticCurve, number: int = RFC_6979) -> bytes:
    private = ec.derive_private_key(number, curve)
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_the_id_of_a_key_is_the_digest_of_its_der() -> None:
    # openssl pkey -in key.pem -pubout -outform DER | sha256sum
    assert KEY.public.key_id == "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5"


def test_a_file_has_one_key_or_several_during_a_rotation() -> None:
    keys = trusted_keys_of((KEY.public.pem + OTHER_KEY.public.pem).encode(), "f")

    assert [key.key_id for key in keys] == [KEY.public.key_id, OTHER_KEY.public.key_id]
    assert keys[0].verifies(KEY.sign(b"text"), b"text")
    assert not keys[0].verifies(KEY.sign(b"text"), b"texts")
    assert not keys[1].verifies(KEY.sign(b"text"), b"text")


@cases(
    ("content", "sentence"),
    [
        ("", "f does not consist of public keys in PEM"),
        ("hello", "f does not consist of public keys in PEM"),
        (KEY.public.pem + "x", "f does not consist of public keys in PEM"),
        (PEM, "f contains a private key; use the file of the public key"),
        (KEY.public.pem * (MAX_KEYS + 1), f"f has {MAX_KEYS + 1} public keys; the limit is 32"),
        (P384, f"f has a public key that is not {KINDS}"),
        (KEY.public.pem.replace("MCow", "AAAA"), "f has a public key that is not valid"),
    ],
)
def test_anything_else_is_refused(content: str, sentence: str) -> None:
    with pytest.raises(ReceiptError) as raised:
        trusted_keys_of(content.encode(), "f")

    assert str(raised.value) == sentence


def test_an_ecdsa_key_signs_as_rfc_6979_says() -> None:
    key = signing_key_of(ecdsa(ec.SECP256R1()), "f")
    other = signing_key_of(ecdsa(ec.SECP256R1(), 7), "f")
    [trusted, ed25519] = trusted_keys_of((key.public.pem + KEY.public.pem).encode(), "f")

    signature = key.sign(b"sample")

    assert decode_dss_signature(signature) == (
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    )
    assert trusted.verifies(signature, b"sample")
    assert not trusted.verifies(signature, b"samples")
    assert not trusted.verifies(other.sign(b"sample"), b"sample")
    assert not trusted.verifies(KEY.sign(b"sample"), b"sample")
    assert not ed25519.verifies(signature, b"sample")


def test_a_receipt_that_an_ecdsa_key_signed_is_verified() -> None:
    key = signing_key_of(ecdsa(ec.SECP256R1()), "f")

    found = verified(receipt(key), [KEY.public, key.public], now=NOW)

    assert (found.key_id, found.admission.project) == (key.public.key_id, "train")
    with pytest.raises(ReceiptError, match="no trusted key signed the receipt"):
        verified(receipt(key), [KEY.public], now=NOW)


def test_a_signing_key_is_of_a_known_kind_and_has_no_password() -> None:
    with pytest.raises(ConfigError) as other:
        signing_key_of(ecdsa(ec.SECP384R1()), "f")
    assert str(other.value) == (
        f"f is not {KINDS}; make one with openssl genpkey -algorithm ed25519"
    )
    assert signing_key_of(PEM.encode(), "f").public.key_id == KEY.public.key_id
    with pytest.raises(ConfigError) as raised:
        signing_key_of(b"text", "f")
    assert str(raised.value) == "f is not a private key in PEM without a password"
