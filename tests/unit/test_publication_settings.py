from __future__ import annotations

import pytest

from policyd.errors import ConfigError
from policyd.publication_settings import (
    CheckpointCopy,
    Witness,
    completed_copy,
    completed_witness,
)
from policyd.transparency.note import COSIGNATURE, ED25519, Verifier
from tests.support.cases import cases

KEY = Verifier("witness.example", COSIGNATURE, bytes(32)).vkey
LOG_KEY = Verifier("log.example", ED25519, bytes(32)).vkey


def test_paths_are_below_the_folder_of_the_file() -> None:
    copy = completed_copy(CheckpointCopy(file="kept", token_file="t"), "copies.a", "/etc/policyd")
    web = completed_copy(CheckpointCopy(url="https://h/", ca_file="/ca.pem"), "copies.b", "/etc")
    witness = completed_witness(
        Witness(url="https://w/", public_key=KEY, token_file="t"), "witnesses.w", "/etc"
    )

    assert (copy.file, copy.token_file) == ("/etc/policyd/kept", "/etc/policyd/t")
    assert (web.file, web.url, web.token_file, web.ca_file) == ("", "https://h/", "", "/ca.pem")
    assert (witness.token_file, witness.ca_file) == ("/etc/t", "")


@cases("copy", [CheckpointCopy(), CheckpointCopy(file="a", url="https://b/")])
def test_a_copy_has_one_place(copy: CheckpointCopy) -> None:
    with pytest.raises(ConfigError) as caught:
        completed_copy(copy, "checkpoint_copies.a", "/")
    assert str(caught.value) == "checkpoint_copies.a: set exactly one of file and url"


@cases(
    ("key", "message"),
    [
        ("x", "witnesses.w.public_key: invalid public key 'x': expected NAME+ID+BASE64"),
        (LOG_KEY, "witnesses.w.public_key: the key of log.example is not for cosignatures"),
    ],
)
def test_a_witness_has_a_key_for_cosignatures(key: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        completed_witness(Witness(url="https://w/", public_key=key), "witnesses.w", "/")
    assert str(caught.value) == message
