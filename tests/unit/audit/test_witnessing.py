from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from policyd.audit import tree
from policyd.audit.checkpoint_copies import SignedCheckpoint
from policyd.audit.store import Store
from policyd.audit.witnessing import WitnessClient
from policyd.errors import ConfigError, DeliveryError
from policyd.transparency import merkle
from policyd.transparency.checkpoint import Checkpoint, checkpoint_of
from policyd.transparency.witness import cosigners
from tests.support.http_recorder import Reply, recorder
from tests.support.ledger import ORIGIN, SIGNER, signed
from tests.support.witness_stand_in import WitnessStandIn, witness_stand_in


@pytest.fixture
def witness() -> Iterator[WitnessStandIn]:
    with witness_stand_in(SIGNER.verifier) as running:
        yield running


@pytest.fixture
def client(witness: WitnessStandIn) -> WitnessClient:
    return WitnessClient("witnesses.one", f"{witness.url}/", witness.verifier.vkey)


@pytest.fixture
def proofs(store: Store) -> Callable[[int, int], list[bytes]]:
    """What proves that the log of `store` only grew."""

    def prove(old: int, size: int) -> list[bytes]:
        with store.database.reading() as connection:
            return merkle.consistency_proof(old, size, tree.reader(connection))

    return prove


def checkpoint(store: Store) -> SignedCheckpoint:
    note = signed(store)
    return SignedCheckpoint(checkpoint_of(note.partition("\n\n")[0] + "\n"), note)


def test_a_witness_cosigns_each_checkpoint_of_a_log_that_grows(
    store: Store,
    record: Callable[..., Any],
    witness: WitnessStandIn,
    client: WitnessClient,
    proofs: Any,
) -> None:
    for number in range(5):
        record(f"d{number}", project=f"p{number}")
        one = checkpoint(store)
        line = client.cosign(one, proofs, 5)
        assert cosigners(one.note + line, [witness.verifier]) == ["witness.example"]
        assert client.cosign(one._replace(note=one.note + line), proofs, 5) == ""
    record("d9")
    later = WitnessClient("witnesses.one", witness.url, witness.verifier.vkey)
    assert later.cosign(checkpoint(store), proofs, 5)

    assert witness.statuses == [200, 200, 200, 200, 200, 409, 200]
    assert witness.size == 6


def test_a_log_that_was_rewritten_or_shortened_is_not_cosigned(
    store: Store,
    record: Callable[..., Any],
    witness: WitnessStandIn,
    client: WitnessClient,
    proofs: Any,
) -> None:
    record("d1")
    record("d2", project="other")
    witness.size, witness.root = 1, bytes(32)
    with pytest.raises(DeliveryError) as rewritten:
        client.cosign(checkpoint(store), proofs, 5)
    witness.size = 3
    with pytest.raises(DeliveryError) as shortened:
        WitnessClient("w", witness.url, witness.verifier.vkey).cosign(checkpoint(store), proofs, 5)

    assert str(rewritten.value) == (
        f"{witness.url} answered with status 422: the checkpoint does not extend the one that it "
        "knows: the log was rewritten"
    )
    assert str(shortened.value) == (
        f"{witness.url} knows a checkpoint of 3 events, but this one has 2"
    )


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(404), "answered with status 404: it does not know this log"),
        (Reply(403), "answered with status 403: it does not accept the key of the log"),
        (Reply(500), "answered with status 500"),
        (Reply(409), "answered with status 409"),
        (Reply(200, {}, b"x\n"), ": the note has a malformed signature line"),
        (
            Reply(409, {"Content-Type": "text/x.tlog.size"}, b"many"),
            ": the witness does not state the size that it knows",
        ),
        (
            Reply(409, {"Content-Type": "text/x.tlog.size"}, b"0\n"),
            "received other checkpoints at the same time",
        ),
    ],
)
def test_an_answer_without_a_cosignature_is_an_error(
    witness: WitnessStandIn, reply: Reply, message: str
) -> None:
    state = Checkpoint(ORIGIN, 1, bytes(32))
    with recorder() as server:
        server.last = reply
        client = WitnessClient("w", server.url, witness.verifier.vkey)
        with pytest.raises(DeliveryError) as caught:
            client.cosign(SignedCheckpoint(state, SIGNER.sign(state.text)), lambda *_: [], 5)
    assert str(caught.value).removeprefix(server.url).lstrip() == message


def test_a_key_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^witnesses\.w\.public_key: invalid public key 'x'"):
        WitnessClient("witnesses.w", "https://host", "x")
