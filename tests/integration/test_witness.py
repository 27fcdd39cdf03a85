"""A real witness, litewitness, cosigns the checkpoints of the log, and no rewritten one."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests

from policyd.audit.checkpoint_publication import Publisher, Targets
from policyd.audit.store import Store, open_store
from policyd.audit.witnessing import WitnessClient
from policyd.transparency.note import COSIGNATURE, Verifier
from policyd.transparency.witness import cosigners
from tests.support.ledger import ORIGIN, SIGNER
from tests.unit.audit.conftest import NOON, pair

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NAME = "witness.example/w"


def programs() -> dict[str, str]:
    """Return the paths of the programs; skip without them.

    They are not required in CI: litewitness is installed there if the Go module proxy has it.
    """
    found = {
        name: shutil.which(name) for name in ("litewitness", "ssh-agent", "ssh-add", "ssh-keygen")
    }
    missing = [name for name, path in found.items() if path is None]
    if missing:
        pytest.skip(f"there is no {' and no '.join(missing)}")
    return {name: path for name, path in found.items() if path}


@pytest.fixture
def witness(free_port: Callable[[], int], until: Callable[..., None]) -> Iterator[WitnessClient]:
    """A witness that knows the log, whose key an SSH agent holds."""
    program = programs()
    folder = Path(tempfile.mkdtemp(prefix="witness-", dir="/tmp"))  # the path of a socket is short
    agent_socket, key, port = str(folder / "agent"), str(folder / "key"), free_port()
    environment = {**os.environ, "SSH_AUTH_SOCK": agent_socket}

    def run(*arguments: str) -> str:
        return subprocess.run(
            arguments, env=environment, check=True, capture_output=True, text=True
        ).stdout

    agent = subprocess.Popen(
        [program["ssh-agent"], "-D", "-a", agent_socket], stdout=subprocess.DEVNULL
    )
    running = [agent]
    try:
        run(program["ssh-keygen"], "-q", "-t", "ed25519", "-N", "", "-f", key)
        until(lambda: os.path.exists(agent_socket))
        run(program["ssh-add"], "-q", key)
        fingerprint = run(program["ssh-keygen"], "-l", "-f", f"{key}.pub").split()[1]
        running.append(
            subprocess.Popen(
                [
                    program["litewitness"], "-name", NAME, "-key", fingerprint, "-ssh-agent",
                    agent_socket, "-listen", f"127.0.0.1:{port}", "-db", str(folder / "db"),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        until(lambda: is_up(url))
        introduce(folder / "db")
        public = base64.b64decode(Path(f"{key}.pub").read_text().split()[1])[-32:]
        vkey = Verifier(NAME, COSIGNATURE, public).vkey
        yield WitnessClient("witnesses.real", url, vkey)
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
            process.wait()
        shutil.rmtree(folder)


def is_up(url: str) -> bool:
    try:
        requests.get(url, timeout=5)
    except requests.ConnectionError:
        return False
    return True


def introduce(database: Path) -> None:
    """Let the witness know the log, as its own program does, which cannot be built."""
    empty = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("INSERT INTO log VALUES (?, 0, ?)", (ORIGIN, empty))
        connection.execute("INSERT INTO key VALUES (?, ?)", (ORIGIN, SIGNER.verifier.vkey))


def filled(path: Path, names: str) -> Store:
    store = open_store(str(path))
    for name in names:
        store.append_decision(*pair(name, project=name))
    return store


def test_the_witness_cosigns_a_log_that_grows_and_no_other(
    witness: WitnessClient, tmp_path: Path
) -> None:
    store = filled(tmp_path / "log.db", "abc")
    targets = Targets([witness])
    publisher = Publisher(lambda use: use(store), lambda: NOON)

    first = publisher.publish(SIGNER, targets, 10)
    for name in "defgh":
        store.append_decision(*pair(name, project=name))
    second = publisher.publish(SIGNER, targets, 10)
    again = Publisher(lambda use: use(store), lambda: NOON).publish(SIGNER, targets, 10)
    store.append_decision(*pair("i", project="i"))
    restarted = WitnessClient("witnesses.real", witness._endpoint.name, witness.verifier.vkey)
    third = Publisher(lambda use: use(store), lambda: NOON).publish(
        SIGNER, Targets([restarted]), 10
    )

    for published, size in ((first, 3), (second, 9), (third, 11)):
        assert [one.problem for one in published.outcomes] == [""]
        assert published.signed.checkpoint.size == size
        assert cosigners(published.signed.note, [witness.verifier]) == [NAME]
    assert again.signed == second.signed
    store.close()

    rewritten = filled(tmp_path / "other.db", "xbcdefghijklm")
    shorter = filled(tmp_path / "shorter.db", "abc")
    problems = []
    for other in (rewritten, shorter):
        published = Publisher(lambda use, log=other: use(log), lambda: NOON).publish(
            SIGNER, targets, 10
        )
        problems += [one.problem.partition(" ")[2] for one in published.outcomes]
        other.close()
    assert problems == [
        "answered with status 422: the checkpoint does not extend the one that it knows: the log "
        "was rewritten",
        "knows a checkpoint of 11 events, but this one has 3",
    ]
