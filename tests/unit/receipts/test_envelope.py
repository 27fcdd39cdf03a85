"""DSSE envelopes, verified by a second implementation of the format in this file."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from policyd.errors import ReceiptError
from policyd.receipts.envelope import (
    MAX_ENVELOPE,
    Envelope,
    EnvelopeSignature,
    envelope_of,
    opened,
    sealed,
    signed_bytes,
)
from tests.support.cases import cases
from tests.support.receipts import KEY, OTHER_KEY

TYPE = "application/vnd.in-toto+json"
GOOD = sealed(b'{"a": 1}', KEY)


def test_the_encoding_is_that_of_the_specification() -> None:
    # The example of secure-systems-lab/dsse, protocol.md.
    encoded = signed_bytes("http://example.com/HelloWorld", b"hello world")

    assert encoded == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"


def test_another_program_verifies_the_signature() -> None:
    document = json.loads(msgspec.json.encode(GOOD))

    public = load_pem_public_key(KEY.public.pem.encode())
    assert isinstance(public, Ed25519PublicKey)
    payload = base64.b64decode(document["payload"])
    kind = document["payloadType"]
    covered = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    (signature,) = document["signatures"]
    public.verify(base64.b64decode(signature["sig"]), covered)  # raises InvalidSignature
    assert set(document) == {"payload", "payloadType", "signatures"}
    assert signature["keyid"] == KEY.public.key_id
    assert (payload, kind) == (b'{"a": 1}', TYPE)


def test_one_signature_by_a_trusted_key_suffices_whatever_the_ids_say() -> None:
    (signature,) = GOOD.signatures
    foreign = sealed(b'{"a": 1}', OTHER_KEY).signatures[0]
    unnamed = msgspec.structs.replace(signature, keyid="another")
    both = msgspec.structs.replace(GOOD, signatures=(foreign, unnamed))

    found = opened(both, [KEY.public])

    assert (found.payload, found.key_id) == (b'{"a": 1}', KEY.public.key_id)


def test_the_url_safe_alphabet_is_read() -> None:
    envelope = sealed(b"\xfb\xff\xfe", KEY)
    safe = msgspec.structs.replace(envelope, payload="-__-")

    assert envelope.payload == "+//+"
    assert opened(safe, [KEY.public]).payload == b"\xfb\xff\xfe"


@cases(
    ("changes", "keys", "sentence"),
    [
        (
            {},
            [OTHER_KEY.public],
            f"no trusted key signed the receipt: it is signed by {KEY.public.key_id}; trusted are "
            f"{OTHER_KEY.public.key_id}",
        ),
        (
            {},
            [],
            f"no trusted key signed the receipt: it is signed by {KEY.public.key_id}; trusted are "
            "none",
        ),
        (
            {"payload": base64.b64encode(b'{"a": 2}').decode()},
            [OTHER_KEY.public, KEY.public],
            f"the signature by the key {KEY.public.key_id} does not match the content: the receipt "
            "was changed after it was signed",
        ),
        (
            {"payload_type": "text/plain"},
            [KEY.public],
            f"the signature by the key {KEY.public.key_id} does not match the content: the receipt "
            "was changed after it was signed",
        ),
        ({"payload": "a"}, [KEY.public], "the payload of the envelope is not valid Base64"),
        (
            {"signatures": (EnvelopeSignature("*"),)},
            [KEY.public],
            "a signature of the envelope is not valid Base64",
        ),
    ],
)
def test_what_is_not_signed_by_a_trusted_key_is_not_opened(changes, keys, sentence) -> None:
    with pytest.raises(ReceiptError) as raised:
        opened(msgspec.structs.replace(GOOD, **changes), keys)

    assert str(raised.value) == sentence


TEXT = msgspec.json.encode(GOOD).decode()


@cases(
    ("text", "sentence"),
    [
        ("{}", "the text is not a DSSE envelope: Object missing required field `payload`"),
        ("[" * 100_000, "the text is not a DSSE envelope: "),
        ('{"payload": NaN}', "the text is not a DSSE envelope: NaN is not valid JSON"),
        ('{"a": 1, "a": 1}', "the text is not a DSSE envelope: duplicate key 'a'"),
        (TEXT.replace('"keyid"', '"sig":"","keyid"'), "the text is not a DSSE envelope: dupl"),
        ("\udc80", "the text is not a DSSE envelope: "),
        (
            TEXT.replace("in-toto", "other"),
            "the payload of the envelope is 'application/vnd.other+json'; expected "
            "application/vnd.in-toto+json",
        ),
        (
            msgspec.json.encode(Envelope("", TYPE, ())).decode(),
            "the envelope has 0 signatures; expected 1 to 16",
        ),
        (
            msgspec.json.encode(Envelope("", TYPE, GOOD.signatures * 17)).decode(),
            "the envelope has 17 signatures; expected 1 to 16",
        ),
        (" " * (MAX_ENVELOPE + 1), "the envelope exceeds the limit of 4194304 bytes"),
    ],
)
def test_a_text_that_is_not_one_envelope_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ReceiptError) as raised:
        envelope_of(text.encode("utf-8", "surrogateescape"))

    assert str(raised.value).startswith(sentence)


def test_an_envelope_is_read_as_it_was_written() -> None:
    assert envelope_of(TEXT.encode()) == GOOD
