from __future__ import annotations

import pytest

from policyd.audit import cosignatures
from policyd.audit.chain import GENESIS
from policyd.audit.log_state import (
    CheckpointState,
    Verification,
    log_state,
    record_verification,
)
from policyd.errors import AuditError
from tests.support.held import at, nanoseconds
from tests.support.ledger import SIGNER, signed
from tests.support.witness_stand_in import witness_stand_in
from tests.unit.audit.conftest import pair


def test_an_empty_log_has_no_times_and_no_checkpoint(store):
    found = log_state(store)

    assert (found.events, found.first, found.last, found.head) == (0, "", "", GENESIS)
    assert (found.checkpoint, found.after_checkpoint, found.cosigned) == (None, 0, None)
    assert found.verification is None
    assert found.size > 4096


def test_the_state_has_the_times_of_the_log_and_what_no_checkpoint_has_yet(store):
    store.append_decision(*pair("d1", seconds=10))
    store.append_decision(*pair("d2", seconds=20))
    signed(store, at(25))
    last = store.append_decision(*pair("d3", seconds=30))

    found = log_state(store)
    assert (found.events, found.first, found.last, found.head) == (3, at(10), at(30), last.hash)
    assert found.checkpoint == CheckpointState(2, at(25))
    assert found.after_checkpoint == 1


def test_the_newest_checkpoint_with_enough_witnesses_is_named(store):
    store.append_decision(*pair("d1"))
    text = signed(store, at(5)).partition("\n\n")[0] + "\n"
    with witness_stand_in(SIGNER.verifier) as witness:
        with store.database.writing() as connection:
            cosignatures.add(connection, 1, [witness.cosigned(text, 5)])
        store.append_decision(*pair("d2"))
        signed(store, at(9))

        found = log_state(store, [witness.verifier])
        assert found.checkpoint == CheckpointState(2, at(9))
        assert found.cosigned == CheckpointState(1, at(5), ("witness.example",))
        assert log_state(store, [witness.verifier], least=2).cosigned is None


def test_the_last_verification_is_remembered(store):
    store.append_decision(*pair("d1"))
    record_verification(store, store.verify(), now=nanoseconds(40), actor="ana")
    assert log_state(store).verification == Verification(at(40), "ana", 1, 0)

    with store.database.writing() as connection:
        connection.exec_driver_sql("DELETE FROM grants")
    record_verification(store, store.verify(), now=nanoseconds(50), actor="ben")
    assert log_state(store).verification == Verification(
        at(50), "ben", 2, 1, ("event 1: its grant 0 differs in the table of grants",)
    )


def test_an_event_that_does_not_describe_a_verification_is_an_error(store):
    store.append_event("log-verified", {"events": "many"}, now=nanoseconds(1))

    with pytest.raises(AuditError, match="is malformed: "):
        log_state(store)
