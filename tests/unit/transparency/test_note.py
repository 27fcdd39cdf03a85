from __future__ import annotations

import base64
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policyd.errors import NoteError
from policyd.transparency.note import (
    COSIGNATURE,
    Signature,
    Signer,
    Verifier,
    cosigned_text,
    open_note,
    verifier_of,
)
from tests.support.cases import cases

# The key and the note are those of the documentation of Go's sumdb/note.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb"
    "6KE6RyyBwJnAM=\n"
)
LOG = Signer("log.example", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
WITNESS = Verifier("witness.example", COSIGNATURE, WITNESS_KEY.public_key().public_bytes_raw())


def cosigned(note: str, time: int) -> str:
    text = note.rpartition("\n\n")[0] + "\n"
    signature = WITNESS_KEY.sign(cosigned_text(text, time))
    line = base64.b64encode(WITNESS.key_id + time.to_bytes(8, "big") + signature).decode()
    return f"{note}— witness.example {line}\n"


def test_a_note_of_another_program_opens() -> None:
    text, signatures = open_note(NOTE, [verifier_of(VKEY)])

    assert text.startswith("If you think")
    assert signatures == [Signature("PeterNeumann")]


def test_a_key_as_text_is_the_key() -> None:
    assert verifier_of(VKEY).vkey == VKEY
    assert verifier_of(LOG.verifier.vkey) == LOG.verifier
    assert verifier_of(WITNESS.vkey) == WITNESS


def test_signatures_of_log_and_witness_hold_and_unknown_ones_are_ignored() -> None:
    note = cosigned(LOG.sign("a\nb\n"), 1_800_000_000)

    assert open_note(note, [LOG.verifier]) == ("a\nb\n", [Signature("log.example")])
    assert open_note(note, [LOG.verifier, WITNESS])[1] == [
        Signature("log.example"),
        Signature("witness.example", 1_800_000_000),
    ]


def test_one_bad_signature_of_a_known_key_refuses_the_note() -> None:
    note = cosigned(LOG.sign("a\n"), 7)
    damaged = note[:-6] + ("AAA" if note[-6:-3] != "AAA" else "BBB") + note[-3:]

    assert open_note(damaged, [LOG.verifier])[0] == "a\n"
    with pytest.raises(NoteError, match=r"the signature by witness\.example does not hold"):
        open_note(damaged, [LOG.verifier, WITNESS])


@cases(
    ("change", "message"),
    [
        (lambda note: note.replace("a\n", "b\n", 1), "the signature by log.example does not hold"),
        (lambda note: note.removesuffix("\n"), "too long, or does not end in a newline"),
        (lambda note: note.replace("\n\n", "\n"), "does not have 1 to 64 signature lines"),
        (lambda note: note.replace("\n", "\r\n"), "does not have 1 to 64 signature lines"),
        (lambda note: note.replace("—", "-"), "malformed signature line"),
        (lambda note: note + "— x AAAA\n", "malformed signature line"),
        (lambda note: note.replace("a\n", "a\t\n", 1), "control characters"),
        (lambda note: note + note.splitlines(keepends=True)[-1] * 64, "1 to 64 signature lines"),
        (lambda note: note.replace("log.example", "elsewhere.example"), "no signature by a known"),
    ],
)
def test_what_is_no_valid_note_is_refused(change, message: str) -> None:
    with pytest.raises(NoteError, match=message):
        open_note(change(LOG.sign("a\n")), [LOG.verifier])


@cases(
    ("vkey", "message"),
    [
        ("", "expected NAME\\+ID\\+BASE64"),
        ("a b+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "expected NAME"),
        (VKEY.replace("c74f", "c74e"), "does not match its key ID c74e20a3"),
        (VKEY.replace("ARpc", "Ahpc"), "is not an Ed25519 key"),
        (VKEY[:-4], "is not an Ed25519 key"),
        (VKEY + "!", "expected NAME"),
        (VKEY + "…", "expected NAME"),
    ],
)
def test_a_key_that_is_not_valid_is_refused(vkey: str, message: str) -> None:
    with pytest.raises(NoteError, match=message):
        verifier_of(vkey)


def test_a_name_with_a_blank_or_a_plus_is_refused() -> None:
    for name in ("", "a b", "a+b", "a\n"):
        with pytest.raises(NoteError, match="invalid key name"):
            Signer(name, Ed25519PrivateKey.generate())


@pytest.mark.thorough
def test_without_the_package_for_signatures_the_error_says_what_to_install() -> None:
    program = (
        "import sys\n"
        "sys.modules['cryptography'] = None\n"
        "from policyd.errors import ConfigError\n"
        "try:\n"
        "    import policyd.audit.checkpoints\n"
        "except ConfigError as error:\n"
        "    print(error)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert (done.stdout, done.stderr) == (
        "signatures need the package cryptography: pip install 'policyd[signing]'\n",
        "",
    )
