"""Signatures, by the vectors that the vendors publish."""

from __future__ import annotations

import pytest

from policyd.errors import RequestError, Unauthorized
from policyd.forges.signatures import check_standard, holds_hex, json_of
from tests.support.cases import cases

GITHUB = b"It's a Secret to Everybody"
GITHUB_SIGNATURE = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
STANDARD = b"whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
NOW = 1_700_000_000
SIGNED = {
    "webhook-id": "msg_1",
    "webhook-timestamp": "1700000000",
    "webhook-signature": "v1,a8ac61Jas6Pa8y0qcho+hBA3BwAKpj6mJJH3K9ZhrF0=",
}
BODY = b'{"object_kind":"push"}'


def test_githubs_own_example_holds() -> None:
    assert holds_hex(GITHUB, b"Hello, World!", GITHUB_SIGNATURE)


@cases(
    ("secret", "body", "signature"),
    [
        (GITHUB, b"Hello, World!", ""),
        (GITHUB, b"Hello, World", GITHUB_SIGNATURE),
        (GITHUB, b"Hello, World!", GITHUB_SIGNATURE.upper()),
        (GITHUB, b"Hello, World!", GITHUB_SIGNATURE[:-1]),
        (GITHUB, b"Hello, World!", GITHUB_SIGNATURE + "é"),
        (b"other", b"Hello, World!", GITHUB_SIGNATURE),
        (b"", b"", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"),
    ],
)
def test_other_signatures_do_not_hold(secret: bytes, body: bytes, signature: str) -> None:
    assert not holds_hex(secret, body, signature)


@cases("others", ["", "v1,AAAA ", "v2,x v1,y "])
def test_a_standard_webhook_holds_also_beside_other_signatures(others: str) -> None:
    signature = others + SIGNED["webhook-signature"]

    check_standard(STANDARD, SIGNED | {"webhook-signature": signature}, BODY, NOW + 300)


@cases(
    ("changes", "body", "now"),
    [
        ({"webhook-id": "msg_2"}, BODY, NOW),
        ({"webhook-id": ""}, BODY, NOW),
        ({"webhook-timestamp": "1700000001"}, BODY, NOW),
        ({"webhook-timestamp": ""}, BODY, NOW),
        ({"webhook-timestamp": "-1700000000"}, BODY, NOW),
        ({"webhook-signature": ""}, BODY, NOW),
        ({"webhook-signature": SIGNED["webhook-signature"].removeprefix("v1,")}, BODY, NOW),
        ({}, BODY + b" ", NOW),
        ({}, BODY, NOW + 301),
        ({}, BODY, NOW - 301),
    ],
)
def test_other_standard_webhooks_are_refused(
    changes: dict[str, str], body: bytes, now: int
) -> None:
    with pytest.raises(Unauthorized):
        check_standard(STANDARD, SIGNED | changes, body, now)


@cases("secret", [b"whsec_", b"whsec_%%%"])
def test_a_signing_secret_without_a_key_is_refused(secret: bytes) -> None:
    with pytest.raises(Unauthorized):
        check_standard(secret, SIGNED, BODY, NOW)


def test_the_json_of_a_form_is_its_payload() -> None:
    assert json_of("application/x-www-form-urlencoded; charset=utf-8", b"payload=%7B%7D") == b"{}"
    assert json_of("application/json", b"payload=%7B%7D") == b"payload=%7B%7D"


@cases("form", [b"", b"other=1", b"payload=1&payload=2", b"payload=1&other=2", b"\xff", b"a&b&c&d"])
def test_a_form_without_exactly_one_payload_is_refused(form: bytes) -> None:
    with pytest.raises(RequestError):
        json_of("application/x-www-form-urlencoded", form)
