from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policyd.errors import NoteError
from policyd.transparency.checkpoint import Checkpoint
from policyd.transparency.note import COSIGNATURE, ED25519, Signer, Verifier, cosigned_text
from policyd.transparency.witness import (
    MAX_AHEAD,
    cosignature,
    cosigners,
    known_size,
    request_body,
)
from tests.support.cases import cases

LOG = Signer("log.example", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
NOTE = LOG.sign(Checkpoint("log.example", 3, bytes(32)).text)
TEXT = NOTE.partition("\n\n")[0] + "\n"
NOW = 1_800_000_000


def cosigned(name: str, seed: int, time: int = NOW) -> tuple[Verifier, str]:
    """Return the key of a witness, and its line for TEXT."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    verifier = Verifier(name, COSIGNATURE, key.public_key().public_bytes_raw())
    content = verifier.key_id + time.to_bytes(8, "big") + key.sign(cosigned_text(TEXT, time))
    return verifier, f"— {name} {base64.b64encode(content).decode()}\n"


def test_a_request_has_the_old_size_the_proof_and_the_checkpoint() -> None:
    proof = [bytes(32), b"\xff" * 32]

    assert request_body(2, proof, NOTE).decode() == (f"old 2\n{'A' * 43}=\n{'/' * 42}8=\n\n{NOTE}")
    assert request_body(0, [], NOTE).decode() == f"old 0\n\n{NOTE}"
    with pytest.raises(ValueError, match="the proof has 64 hashes, more than 63"):
        request_body(2, [bytes(32)] * 64, NOTE)


def test_the_size_that_a_witness_knows_is_read() -> None:
    assert [known_size(text) for text in (b"0\n", b"12", b"9223372036854775807\n")] == [
        0, 12, 2**63 - 1,
    ]  # fmt: skip
    for text in (b"", b"-1", b"1 ", b"\xb2", b"9223372036854775808\n", b"1" * 5000, b"1\n\n"):
        with pytest.raises(NoteError):
            known_size(text)


def test_the_cosignature_of_the_witness_is_found_among_others() -> None:
    witness, line = cosigned("w.example", 1)
    _, other = cosigned("v.example", 2)
    _, namesake = cosigned("w.example", 3)

    assert cosignature(f"{other}{namesake}{line}".encode(), TEXT, witness, NOW) == line


@cases(
    ("answer", "message"),
    [
        (b"\xff", "the answer of the witness is not UTF-8"),
        (b"\n", "the answer of the witness has no cosignature by w.example"),
        (b"thanks\n", "the note has a malformed signature line"),
        (
            cosigned("v.example", 2)[1].encode(),
            "the answer of the witness has no cosignature by w.example",
        ),
        (
            cosigned("w.example", 1)[1].encode()[:-6] + b"AAA==\n",
            "the signature by w.example does not hold",
        ),
        (
            cosigned("w.example", 1, 0)[1].encode(),
            "w.example cosigned at the time 0, which is wrong",
        ),
        (
            cosigned("w.example", 1, NOW + MAX_AHEAD + 1)[1].encode(),
            f"w.example cosigned at the time {NOW + MAX_AHEAD + 1}, which is wrong",
        ),
    ],
)
def test_an_answer_without_a_cosignature_that_holds_is_an_error(
    answer: bytes, message: str
) -> None:
    with pytest.raises(NoteError) as caught:
        cosignature(answer, TEXT, cosigned("w.example", 1)[0], NOW)
    assert str(caught.value) == message


def test_each_witness_counts_once() -> None:
    one, first = cosigned("w.example", 1)
    two, second = cosigned("v.example", 2)
    zero, wrong_time = cosigned("u.example", 3, 0)
    alias = Verifier("again.example", COSIGNATURE, one.public)
    log = Verifier("log.example", ED25519, LOG.verifier.public)

    note = NOTE + first + second + wrong_time
    assert cosigners(note, [one, two, zero, log]) == ["w.example", "v.example"]
    assert cosigners(note, [alias, one]) in (["w.example"], [])
    assert cosigners(NOTE, [one, two]) == []
    assert cosigners(note, []) == []
