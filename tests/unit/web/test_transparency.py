"""The routes of the transparency log, read as a foreign monitor reads them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask.testing import FlaskClient

from policyd.audit import cosignatures
from policyd.errors import ConfigError
from policyd.publication_settings import Witness
from policyd.transparency import merkle
from policyd.transparency.checkpoint import Checkpoint, open_checkpoint
from policyd.transparency.note import COSIGNATURE, Signer, Verifier, cosigned_text
from policyd.transparency.tiles import entries_of
from policyd.transparency.witness import cosigners
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS
from tests.support.ledger import ORIGIN, SIGNER, signed
from tests.unit.audit.conftest import pair


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    """The file of the key of SIGNER."""
    key = tmp_path / "key.pem"
    key.write_bytes(
        SIGNER._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    key.chmod(0o600)
    return str(key)


@pytest.fixture
def keyed(make, key_file: str) -> Callable[..., FlaskClient]:
    """A function that makes a client of a webhook with a key for checkpoints."""
    return lambda **more: make(**{"audit_key_file": key_file, "audit_origin": ORIGIN, **more})


def checkpoint(client: FlaskClient) -> Checkpoint:
    response = client.get("/log/checkpoint")
    assert (response.status_code, response.mimetype) == (200, "text/plain")
    assert response.headers["Cache-Control"] == "no-store"
    return open_checkpoint(response.text, ORIGIN, [SIGNER.verifier])[0]


@pytest.mark.thorough
def test_a_monitor_computes_the_root_of_the_checkpoint_from_the_tiles(services, keyed) -> None:
    for number in range(300):
        services.store.append_decision(*pair(f"d{number}", operation="CHECK"))
    client = keyed()

    found = checkpoint(client)

    names = ("entries/000", "entries/001.p/44", "0/000", "0/001.p/44", "1/000.p/1")
    tiles = {name: client.get(f"/log/tile/{name}").data for name in names}
    entries = entries_of(tiles["entries/000"] + tiles["entries/001.p/44"])
    frontier = merkle.Frontier()
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    nodes = [node for leaf in leaves for node in frontier.append(leaf)]
    assert (found.size, found.root) == (300, frontier.root())
    assert tiles["0/000"] + tiles["0/001.p/44"] == b"".join(leaves)
    assert [tiles["1/000.p/1"]] == [digest for level, _, digest in nodes if level == 8]
    assert [json.loads(entry)["sequence"] for entry in entries] == list(range(1, 301))


def test_a_tile_may_be_kept_for_ever(services, keyed) -> None:
    services.store.append_decision(*pair("d1"))

    response = keyed().get("/log/tile/0/000.p/1")

    assert (response.status_code, response.mimetype) == (200, "application/octet-stream")
    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"


@pytest.mark.thorough
@pytest.mark.parametrize(
    "name",
    [
        "0/000", "0/000.p/2", "0/001.p/1", "1/000.p/1", "entries/000", "entries/000.p/2", "x",
        "63/000.p/1", "0/00", "0/x999/x999/x999/x999/x999/999", "64/000",
    ],
)  # fmt: skip
def test_a_tile_that_the_log_does_not_have_is_not_found(services, keyed, name: str) -> None:
    services.store.append_decision(*pair("d1"))

    response = keyed().get(f"/log/tile/{name}")

    assert response.status_code == 404
    assert response.json["message"] == f"the log has no tile {name!r}"


def test_a_checkpoint_is_signed_again_after_five_seconds(services, key_file: str) -> None:
    now = [1_800_000_000_000_000_000]
    settings = msgspec.structs.replace(
        services.settings, audit_key_file=key_file, audit_origin=ORIGIN
    )
    app = create_app(msgspec.structs.replace(services, settings=settings, clock=lambda: now[0]))
    client = app.test_client()
    sizes = []
    for seconds in (0, 4, 1, -9):
        now[0] += seconds * 1_000_000_000
        services.store.append_decision(*pair(f"d{len(sizes)}", operation="CHECK"))
        sizes.append(checkpoint(client).size)
    app.extensions[PUSH_REVIEWS].close()

    assert sizes == [1, 1, 3, 4]


def test_the_newest_checkpoint_that_a_witness_cosigned_is_served(services, keyed) -> None:
    key = Signer("w.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))
    witness = Verifier("w.example", COSIGNATURE, key.verifier.public)
    settings = {"w": Witness(url="https://w.example", public_key=witness.vkey)}
    services.store.append_decision(*pair("d1", operation="CHECK"))
    client = keyed(witnesses=settings)
    alone = client.get("/log/checkpoint").text
    text = alone.partition("\n\n")[0] + "\n"
    content = witness.key_id + bytes(7) + b"\x05" + key._private.sign(cosigned_text(text, 5))
    line = f"— w.example {base64.b64encode(content).decode()}\n"

    with services.store.database.writing() as connection:
        cosignatures.add(connection, 1, [line])
    services.store.append_decision(*pair("d2", operation="CHECK"))
    signed(services.store)

    assert cosigners(alone, [witness]) == []
    assert client.get("/log/checkpoint").text == alone + line


def test_without_a_key_there_is_no_transparency_log(make) -> None:
    assert make().get("/log/checkpoint").status_code == 404
    assert make().get("/log/tile/0/000.p/1").status_code == 404


def test_a_key_that_cannot_be_used_stops_the_service(services, tmp_path: Path) -> None:
    settings = msgspec.structs.replace(services.settings, audit_key_file=str(tmp_path / "key"))

    with pytest.raises(ConfigError, match="audit_origin: a log that signs checkpoints needs"):
        create_app(msgspec.structs.replace(services, settings=settings))


def test_the_transparency_log_needs_a_token(services, keyed, token) -> None:
    client = keyed(tokens={"one": token("one-token", repositories=("acme/train",))})

    assert client.get("/log/checkpoint").status_code == 401
    assert client.get("/log/tile/0/000").status_code == 401
    header = {"Authorization": "Bearer one-token"}
    assert client.get("/log/checkpoint", headers=header).status_code == 200
