"""Checkpoints leave the machine by hand, as `policyd serve` sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from policyd.audit.store import open_store
from policyd.transparency.witness import cosigners
from tests.support.ledger import ORIGIN, SIGNER
from tests.support.witness_stand_in import WitnessStandIn, witness_stand_in
from tests.unit.audit.conftest import pair

KEY = SIGNER.verifier.vkey


@pytest.fixture
def witness() -> Iterator[WitnessStandIn]:
    with witness_stand_in(SIGNER.verifier) as running:
        yield running


@pytest.fixture
def audit(
    run: Callable[..., Result], folder: Path, empty_log: Path, witness: WitnessStandIn
) -> Callable[..., Result]:
    """A function that runs a subcommand of audit on a log with a witness and a file."""
    (folder / "log.db").write_bytes(empty_log.read_bytes())
    store = open_store(str(folder / "log.db"))
    store.append_decision(*pair("d1"))
    store.append_decision(*pair("d2", project="other"))
    store.close()
    key = folder / "key.pem"
    key.touch(mode=0o600)
    key.write_bytes(
        SIGNER._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "policyd.toml").write_text(
        f'audit = "log.db"\naudit_key_file = "key.pem"\naudit_origin = "{ORIGIN}"\n'
        '[checkpoint_copies.disk]\nfile = "kept"\n'
        f'[witnesses.one]\nurl = "{witness.url}"\npublic_key = "{witness.verifier.vkey}"\n'
    )
    return lambda name, *arguments: run("audit", name, "--config", "policyd.toml", *arguments)


def test_a_checkpoint_is_published_and_cosigned(
    audit: Callable[..., Result], run: Callable[..., Result], folder: Path, witness: WitnessStandIn
) -> None:
    public = witness.verifier.vkey
    before = audit("verify", "--witness", public)
    printed = audit("checkpoint", "--publish")
    after = audit("verify", "--witness", public)
    kept = run(
        "audit", "verify", "--audit", "log.db", "--checkpoint", "kept", "--public-key", KEY,
        "--witness", public,
    )  # fmt: skip

    assert printed.exit_code == 0
    assert cosigners(printed.stdout, [witness.verifier]) == ["witness.example"]
    assert (folder / "kept").read_text() == printed.stdout
    assert (before.exit_code, after.exit_code, kept.exit_code) == (1, 0, 0)
    assert before.stdout.endswith(
        "log.db: event 2: no checkpoint up to it is cosigned by 1 of the witnesses\n"
    )
    assert (
        "3 events are intact and agree with the stored checkpoint that witness.example cosigned "
        "(2 events); the last hash is " in after.stdout
    )


def test_a_proof_has_the_cosigned_checkpoint(
    audit: Callable[..., Result], run: Callable[..., Result], witness: WitnessStandIn
) -> None:
    arguments = ("--proof", "p", "--public-key", KEY, "--witness", witness.verifier.vkey)
    audit("prove", "d1", "-o", "p")
    alone = run("audit", "verify", *arguments)
    audit("checkpoint", "--publish")
    audit("prove", "d1", "-o", "p")
    cosigned = run("audit", "verify", *arguments)

    assert (alone.exit_code, alone.stdout) == (
        1, "p: 0 of the witnesses cosigned the checkpoint; 1 are required\n",
    )  # fmt: skip
    assert cosigned.exit_code == 0


def test_a_target_that_fails_is_named(
    audit: Callable[..., Result], folder: Path, witness: WitnessStandIn
) -> None:
    (folder / "kept").mkdir()
    witness.size = 9

    result = audit("checkpoint", "--publish", "-o", "own")

    assert (result.exit_code, result.stderr) == (
        1,
        f"policyd: error: witnesses.one: {witness.url} knows a checkpoint of 9 events, but this "
        "one has 2\n"
        f"policyd: error: checkpoint_copies.disk: {folder}/kept: cannot be written: Is a "
        "directory\n",
    )
    assert (folder / "own").read_text().startswith(f"{ORIGIN}\n2\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--require-witnesses", "1"], "--require-witnesses needs the keys: --witness"),
        (["--witness", KEY], f"--witness: the key of {ORIGIN} is not for cosignatures"),
        (["--witness", "x"], "--witness: invalid public key 'x': expected NAME+ID+BASE64"),
        (
            ["--witness", "WITNESS", "--require-witnesses", "2"],
            "--require-witnesses 2 exceeds the 1 of --witness",
        ),
        (
            ["--witness", "WITNESS", "--export", "policyd.toml"],
            "--export is verified instead of the log: remove --audit, and add --checkpoint if "
            "there is --witness",
        ),
    ],
)
def test_what_cannot_be_required_is_said(
    audit: Callable[..., Result], witness: WitnessStandIn, arguments: list[str], message: str
) -> None:
    given = [witness.verifier.vkey if one == "WITNESS" else one for one in arguments]

    result = audit("verify", *given)

    assert result.exit_code == 2
    assert result.stderr.endswith(f"rror: {message}\n")
