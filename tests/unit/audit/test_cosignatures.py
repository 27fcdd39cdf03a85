from __future__ import annotations

from collections.abc import Callable
from typing import Any

from policyd.audit import checkpoints, cosignatures
from policyd.audit.store import Store
from policyd.transparency.witness import cosigners
from tests.support.ledger import SIGNER, signed
from tests.support.witness_stand_in import WitnessStandIn


def test_a_checkpoint_keeps_one_cosignature_of_each_witness(
    store: Store, record: Callable[..., Any]
) -> None:
    first, second = (WitnessStandIn(SIGNER.verifier, f"{seed}.example", seed) for seed in (1, 2))
    witnesses = [first.verifier, second.verifier]
    record("d1")
    text = signed(store).partition("\n\n")[0] + "\n"

    with store.database.writing() as connection:
        once = cosignatures.add(connection, 1, [first.cosigned(text, 5), first.cosigned(text, 6)])
        twice = cosignatures.add(connection, 1, [first.cosigned(text, 7), second.cosigned(text, 7)])
    record("d2", project="more")
    signed(store)

    assert (once.count("\n—"), twice.count("\n—")) == (2, 3)
    assert cosigners(twice, witnesses) == ["1.example", "2.example"]
    with store.database.reading() as connection:
        assert checkpoints.latest(connection).size == 2
        for least, size, found in ((1, 0, 1), (2, 1, 1), (3, 0, None), (1, 2, None)):
            row = cosignatures.newest_cosigned(connection, witnesses, least, size)
            assert (row and row.size) == found
        assert cosignatures.newest_cosigned(connection, []) is None
    assert store.verify().ok
    for one in (first, second):
        one.server_close()


def test_a_cosignature_that_does_not_hold_is_none(store: Store, record: Callable[..., Any]) -> None:
    witness = WitnessStandIn(SIGNER.verifier)
    record("d1")
    signed(store)
    with store.database.writing() as connection:
        cosignatures.add(connection, 1, [witness.cosigned("another text\n", 5)])
        assert cosignatures.newest_cosigned(connection, [witness.verifier]) is None
    witness.server_close()
