"""Checkpoints, proofs and verification, as an auditor uses them."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from policyd.audit.database import open_database
from policyd.transparency.note import Signer
from tests.support.ledger import fill_as_version_1

SETTINGS = 'audit = "log.db"\naudit_key_file = "key.pem"\naudit_origin = "policyd.example/log"\n'
SIGNER = Signer("policyd.example/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
VKEY = SIGNER.verifier.vkey


@pytest.fixture
def ids(run, folder: Path, logs: dict[str, bytes]) -> list[str]:
    """The decisions of a log with a key, oldest first."""
    key = SIGNER._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(key)
    (folder / "key.pem").chmod(0o600)
    (folder / "policyd.toml").write_text(SETTINGS)
    (folder / "compose.yaml").write_text("services: {web: {image: nginx}}\n")
    if "evidence" not in logs:
        for _ in range(3):
            run("check", "--audit", "log.db")
        logs["evidence"] = (folder / "log.db").read_bytes()
    (folder / "log.db").write_bytes(logs["evidence"])
    listed = json.loads(run("audit", "list", "--audit", "log.db", "--format", "json").stdout)
    return [item["event"]["decision_id"] for item in listed["items"]][::-1]


@pytest.fixture
def keyed(run):
    """A function that runs a subcommand of audit with the settings of the log."""
    return lambda name, *arguments: run("audit", name, "--config", "policyd.toml", *arguments)


@pytest.mark.thorough
@pytest.mark.usefixtures("ids")
def test_a_checkpoint_is_printed_or_written_and_the_log_is_compared_with_it(
    run, keyed, folder: Path
) -> None:
    printed = keyed("checkpoint").stdout
    written = keyed("checkpoint", "--output", "kept.txt")
    run("check", "--audit", "log.db")

    result = run(
        "audit", "verify", "--audit", "log.db", "--checkpoint", "kept.txt", "--public-key", VKEY
    )

    assert printed.startswith("policyd.example/log\n3\n")
    assert (written.stdout, (folder / "kept.txt").read_text()) == ("", printed)
    assert result.exit_code == 0
    assert "log.db: 4 events are intact and agree with kept.txt (3 events); the last hash is " in (
        result.stdout
    )


def test_a_decision_is_proven_without_the_log(run, keyed, folder: Path, ids: list[str]) -> None:
    (folder / "key.pub").write_text(keyed("public-key").stdout)
    assert (folder / "key.pub").read_text() == f"{VKEY}\n"
    proof = keyed("prove", ids[1], "--output", "proof.txt")
    (folder / "log.db").unlink()

    said = run("audit", "verify", "--proof", "proof.txt", "--public-key", "key.pub")
    document = json.loads(
        run(
            "audit", "verify", "--proof", "proof.txt", "--public-key", VKEY, "--format", "json"
        ).stdout
    )

    assert proof.exit_code == 0
    assert (folder / "proof.txt").stat().st_size < 2048
    (item,) = document["items"]
    assert (document["kind"], document["problems"]) == ("ProofList", [])
    assert (item["source"], item["origin"], item["size"]) == (
        "proof.txt", "policyd.example/log", 3,
    )  # fmt: skip
    assert (item["decision"], item["sequence"]) == (ids[1], 2)
    assert (said.exit_code, said.stdout) == (
        0,
        f"proof.txt: decision {ids[1]} of {item['time']} is event 2 of the log "
        f"policyd.example/log with 3 events; its hash is {item['hash']}\n",
    )


def test_a_proof_that_does_not_hold_is_a_problem(run, keyed, folder: Path, ids) -> None:
    proof = keyed("prove", ids[1]).stdout
    (folder / "changed.txt").write_text(proof.replace("index 1", "index 0"))
    (folder / "other.txt").write_text("no proof")

    result = run(
        "audit", "verify", "--proof", "changed.txt", "--proof", "other.txt", "--public-key", VKEY
    )

    assert (result.exit_code, result.stdout) == (
        1,
        "changed.txt: the proof does not lead to the root of the checkpoint\n"
        "other.txt: this is not a proof: it does not begin with c2sp.org/tlog-proof@v1\n",
    )


@pytest.mark.thorough
@pytest.mark.usefixtures("ids")
def test_a_hash_that_was_noted_is_compared(run) -> None:
    items = json.loads(run("audit", "list", "--audit", "log.db", "--format", "json").stdout)
    last = items["items"][0]["hash"]

    same = run("audit", "verify", "--audit", "log.db", "--expect", f"3:{last.upper()}")
    other = run("audit", "verify", "--audit", "log.db", "--expect", f"2:{last}")
    beyond = run("audit", "verify", "--audit", "log.db", "--expect", f"4:{last}")

    assert (same.exit_code, other.exit_code, beyond.exit_code) == (0, 1, 1)
    assert "event 1: it, or a later one up to event 2, was changed: --expect 2:… has other" in (
        other.stdout
    )
    assert "event 4: is missing, but --expect 4:… has 4 events" in beyond.stdout


@pytest.mark.usefixtures("ids")
def test_a_copy_that_cannot_be_written_is_verified_and_left_as_it_is(run, folder: Path) -> None:
    place = folder / "evidence"
    place.mkdir()
    (place / "copy.db").write_bytes((folder / "log.db").read_bytes())
    (place / "copy.db").chmod(0o400)
    place.chmod(0o500)

    result = run("audit", "verify", "--audit", "evidence/copy.db")

    assert result.exit_code == 0
    assert "evidence/copy.db: 3 events are intact; the last hash is " in result.stdout
    assert os.listdir(place) == ["copy.db"]
    place.chmod(0o700)


def test_a_log_of_an_earlier_version_is_verified_without_migrating_it(run, folder: Path) -> None:
    database = open_database(str(folder / "old.db"), create=True)
    fill_as_version_1(database)
    database.close()

    intact = run("audit", "verify", "--audit", "old.db")
    with closing(sqlite3.connect(folder / "old.db")) as connection, connection:
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.execute("UPDATE grants SET replicas = 7 WHERE sequence = 2")
    changed = run("audit", "verify", "--audit", "old.db")

    assert (intact.exit_code, revision) == (0, ("0001",))
    assert "2 events are intact" in intact.stdout
    assert changed.exit_code == 1
    assert "event 2: its grant 0 differs in the table of grants" in changed.stdout


@pytest.mark.thorough
@pytest.mark.usefixtures("ids")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--checkpoint", "c.txt"], "the public key of the log is required"),
        (["verify", "--expect", "x"], "'x' is not SEQUENCE:HASH"),
        (
            ["verify", "--proof", "c.txt", "--audit", "log.db"],
            "--proof is verified without",
        ),
        (["verify", "--proof", "nosuch", "--public-key", VKEY], "'nosuch' does not exist"),
        (["verify", "--checkpoint", "c.txt", "--public-key", VKEY], "c.txt: the note is too long"),
        (["verify", "--checkpoint", "c.txt", "--public-key", "x"], "--public-key: invalid public"),
        (["verify", "--audit", "empty.db"], "empty.db is not an audit log"),
        (["verify", "--audit", "nosuch.db"], "there is no audit log at "),
        (["verify", "--audit", "newer.db"], "another version of policyd: its revision is '9999'"),
        (["checkpoint", "--audit", "log.db"], "no key for checkpoints is configured"),
        (["public-key"], "no key for checkpoints is configured"),
        (["prove", "nosuch", "--audit", "log.db"], "there is no decision nosuch"),
        (["checkpoint", "--config", "policyd.toml", "-o", "."], ".: cannot write the file"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    run, folder: Path, arguments: list[str], message: str
) -> None:
    (folder / "c.txt").write_text("no checkpoint")
    (folder / "empty.db").touch()
    with closing(sqlite3.connect(folder / "newer.db")) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('9999')")

    result = run("audit", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_decision_that_no_checkpoint_includes_is_not_proven(run, ids: list[str]) -> None:
    result = run("audit", "prove", ids[0], "--audit", "log.db")

    assert result.exit_code == 2
    assert "no checkpoint includes event 1 yet; sign one with `policyd audit checkpoint`" in (
        result.stderr
    )
