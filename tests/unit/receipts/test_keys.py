"""Keys of receipts: ids as openssl computes them, rotation, and what is refused."""

from __future__ import annotations

import pytest

from policyd.errors import ConfigError, ReceiptError
from policyd.receipts.keys import MAX_KEYS, signing_key_of, trusted_keys_of
from tests.support.cases import cases
from tests.support.receipts import KEY, OTHER_KEY, PEM

EC = (
    "-----BEGIN PUBLIC KEY-----\n"
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt\n"
    "6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\n"
    "-----END PUBLIC KEY-----\n"
)


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
        (EC, "f has a public key that is not an Ed25519 key"),
        (KEY.public.pem.replace("MCow", "AAAA"), "f has a public key that is not valid"),
    ],
)
def test_anything_else_is_refused(content: str, sentence: str) -> None:
    with pytest.raises(ReceiptError) as raised:
        trusted_keys_of(content.encode(), "f")

    assert str(raised.value) == sentence


def test_a_signing_key_is_an_ed25519_key_without_a_password() -> None:
    assert signing_key_of(PEM.encode(), "f").public.key_id == KEY.public.key_id
    with pytest.raises(ConfigError) as raised:
        signing_key_of(b"text", "f")
    assert str(raised.value) == "f is not a private key in PEM without a password"
