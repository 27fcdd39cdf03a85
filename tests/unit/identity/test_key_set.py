from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from policyd.errors import IdentityError
from policyd.identity.key_set import MAX_KEY_SET, read_key_set
from tests.support.cases import cases
from tests.support.issuing import ec_key, jwk, rsa_key

RSA = jwk(rsa_key(), "rsa")
EC = jwk(ec_key(), "ec")


def keys_in(*keys: Any) -> list[str]:
    return list(read_key_set(json.dumps({"keys": keys}).encode()))


def test_keys_for_signatures_are_found_by_their_id() -> None:
    found = read_key_set(json.dumps({"keys": [RSA, EC]}).encode())

    assert {name: key.algorithm_name for name, key in found.items()} == {
        "rsa": "RS256",
        "ec": "ES256",
    }


@cases(
    "key",
    [
        {**RSA, "use": "enc"},
        {**RSA, "alg": "RS512"},
        {**RSA, "alg": "HS256"},
        {**RSA, "key_ops": ["encrypt"]},
        {**RSA, "key_ops": "verify"},
        {**RSA, "kid": None},
        {**RSA, "kty": "oct"},
        {**EC, "crv": "P-384", "kty": "OKP"},
        jwk(rsa_key("weak", 1024), "weak"),
        {**jwk(ec.generate_private_key(ec.SECP384R1()), "p384")},
    ],
)
def test_a_key_for_something_else_is_left_out(key: dict[str, Any]) -> None:
    assert keys_in({**key, "alg": key["alg"]}, EC) == ["ec"]


@cases(
    ("text", "message"),
    [
        (b"", "the key set is not a JSON object"),
        (b"[]", "the key set is not a JSON object"),
        (b"[" * 100_000, "the key set is not a JSON object"),
        (b'{"keys": {}}', "the key set has no list `keys` of objects"),
        (b'{"keys": ["a"]}', "the key set has no list `keys` of objects"),
        (b" " * (MAX_KEY_SET + 1), "the key set has more than 262,144 bytes"),
        (json.dumps({"keys": [{}] * 65}).encode(), "the key set has 65 keys; the limit is 64"),
        (
            json.dumps({"keys": [{**RSA, "d": "AQAB"}]}).encode(),
            "the key set contains a private or a secret key",
        ),
        (
            json.dumps({"keys": [{"kty": "oct", "k": "AQAB", "kid": "x"}]}).encode(),
            "the key set contains a private or a secret key",
        ),
        (
            json.dumps({"keys": [RSA, {**EC, "kid": "rsa"}]}).encode(),
            "the key set has two keys with the id 'rsa'",
        ),
        (
            json.dumps({"keys": [{**RSA, "n": "!"}]}).encode(),
            "the key set has a malformed key 'rsa'",
        ),
        (
            json.dumps({"keys": [{"kty": "EC", "kid": "x", "crv": "P-256"}]}).encode(),
            "the key set has a malformed key 'x'",
        ),
    ],
)
def test_a_set_that_no_issuer_should_publish_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(IdentityError) as error:
        read_key_set(text)

    assert str(error.value) == message
