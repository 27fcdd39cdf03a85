from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from policyd.audit.checkpoints import load_signer
from policyd.errors import ConfigError

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def pem(key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def test_a_key_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(pem(KEY))
    file.chmod(0o640)

    signer = load_signer(str(file), "policyd.example/log")

    assert signer.verifier.name == "policyd.example/log"
    assert signer.verifier.public == KEY.public_key().public_bytes_raw()


@pytest.mark.parametrize(
    ("content", "origin", "message"),
    [
        (pem(KEY), "", "audit_origin: a log that signs checkpoints needs a name; set it"),
        (pem(KEY), "a b", "audit_origin: invalid key name 'a b': it must not have blanks or '+'"),
        (None, "log", "audit_key_file: cannot read {}: No such file or directory"),
        (b"x", "log", "audit_key_file: {} is not a private key in PEM without a password"),
        (
            pem(generate_private_key(SECP256R1())),
            "log",
            "audit_key_file: {} is not an Ed25519 key",
        ),
    ],
    ids=["no name", "name with a blank", "no file", "not PEM", "another kind of key"],
)
def test_a_key_that_cannot_be_used_is_an_error(
    tmp_path: Path, content: bytes | None, origin: str, message: str
) -> None:
    file = tmp_path / "key.pem"
    if content is not None:
        file.write_bytes(content)
        file.chmod(0o600)

    with pytest.raises(ConfigError) as caught:
        load_signer(str(file), origin)
    assert str(caught.value) == message.format(file)


def test_a_key_that_everybody_can_read_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(pem(KEY))
    file.chmod(0o644)

    with pytest.raises(ConfigError) as caught:
        load_signer(str(file), "log")
    assert str(caught.value) == (
        f"audit_key_file: all users of this machine can read {file} (mode 0644); "
        "allow only its owner, with chmod 600, or also its group"
    )
