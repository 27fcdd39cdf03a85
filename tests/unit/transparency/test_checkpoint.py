from __future__ import annotations

import base64
import hashlib

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policyd.errors import NoteError
from policyd.transparency import merkle
from policyd.transparency.checkpoint import (
    Checkpoint,
    Proof,
    checkpoint_of,
    open_checkpoint,
    proof_of,
    verify_proof,
)
from policyd.transparency.note import Signer
from tests.support.cases import cases

LOG = Signer("policyd.example/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ORIGIN = LOG.verifier.name
LEAVES = [merkle.leaf_hash(entry) for entry in (b"a", b"b")]
TREE = Checkpoint(ORIGIN, 2, merkle.node_hash(*LEAVES))
NOTE = LOG.sign(TREE.text)
PROOF = Proof(0, (LEAVES[1],), NOTE)


def test_a_checkpoint_is_three_lines() -> None:
    leaves = [hashlib.sha256(b"\0" + entry).digest() for entry in (b"a", b"b")]
    root = base64.b64encode(hashlib.sha256(b"\1" + b"".join(leaves)).digest()).decode()
    assert TREE.text == f"{ORIGIN}\n2\n{root}\n"
    assert checkpoint_of(TREE.text) == TREE
    assert open_checkpoint(NOTE, ORIGIN, [LOG.verifier])[0] == TREE


def test_a_checkpoint_of_another_log_is_refused() -> None:
    with pytest.raises(NoteError, match=f"is of the log {ORIGIN}, not of other"):
        open_checkpoint(NOTE, "other", [LOG.verifier])
    other = Signer("other", Ed25519PrivateKey.generate())
    with pytest.raises(NoteError, match=f"is not signed by the log {ORIGIN}"):
        open_checkpoint(other.sign(TREE.text), ORIGIN, [LOG.verifier, other.verifier])


@cases(
    "text",
    [
        "", "a\n2\n", "\n2\n" + "A" * 43 + "=\n", TREE.text.replace("2", "02", 1),
        TREE.text.replace("\n2\n", "\n-2\n"), TREE.text.replace("=", ""),
        TREE.text.replace("\n2\n", "\n9223372036854775808\n"), TREE.text + "\n", TREE.text + "x",
    ],
)  # fmt: skip
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        checkpoint_of(text)


def test_a_proof_file_shows_that_an_entry_is_in_the_log() -> None:
    assert PROOF.text.startswith("c2sp.org/tlog-proof@v1\nindex 0\n")
    assert proof_of(PROOF.text) == PROOF
    assert verify_proof(PROOF, b"a", ORIGIN, [LOG.verifier]) == TREE


def test_a_proof_of_another_entry_or_index_does_not_hold() -> None:
    with pytest.raises(NoteError, match="does not lead to the root"):
        verify_proof(PROOF, b"b", ORIGIN, [LOG.verifier])
    with pytest.raises(NoteError, match="does not lead to the root"):
        verify_proof(msgspec.structs.replace(PROOF, index=1), b"a", ORIGIN, [LOG.verifier])
    with pytest.raises(NoteError, match="index 2 is not below the tree size 2"):
        verify_proof(msgspec.structs.replace(PROOF, index=2), b"a", ORIGIN, [LOG.verifier])
    with pytest.raises(NoteError, match="too few hashes"):
        verify_proof(msgspec.structs.replace(PROOF, hashes=()), b"a", ORIGIN, [LOG.verifier])


@cases(
    "change",
    [
        lambda text: text.replace("@v1", "@v2"),
        lambda text: text.replace("index 0", "index 00"),
        lambda text: text.replace("index 0\n", ""),
        lambda text: text.replace("\n\n", "\n" + "A" * 43 + "=\n" * 64 + "\n\n", 1),
        lambda text: text.partition("\n\n")[0],
    ],
)
def test_what_is_no_proof_is_refused(change) -> None:
    with pytest.raises(NoteError):
        proof_of(change(PROOF.text))


def test_extra_data_of_a_proof_is_kept() -> None:
    text = PROOF.text.replace("index 0", "extra YWI=\nindex 0")

    assert proof_of(text) == msgspec.structs.replace(PROOF, extra=b"ab")
    assert proof_of(text).text == text


@cases(
    "change",
    [
        lambda text: text.replace("index 0", "extra YWI\nindex 0"),
        lambda text: text.replace("index 0", "extra YWI=\nextra YWI=\nindex 0"),
        lambda text: text.replace("index 0", "index 0\nextra YWI="),
        lambda text: text.replace("index 0", "index 9223372036854775808"),
    ],
)
def test_extra_data_has_one_place(change) -> None:
    with pytest.raises(NoteError):
        proof_of(change(PROOF.text))
