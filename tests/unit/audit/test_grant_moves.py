"""Grants of a batch of events; `tests.support.ledger` has the contract that every log keeps."""

from __future__ import annotations

from policyd.audit.event import decision_event, payload_of
from policyd.audit.grant_moves import move_grants
from policyd.audit.prepared import Prepared
from policyd.model import AuditRecord
from tests.unit.audit.conftest import pair


def recorded(*pairs):
    """Return the pairs as recorded events, numbered from 1."""
    events = [decision_event(review, decision) for review, decision in pairs]
    return [
        (AuditRecord(number, event.timestamp, "decision", payload_of(event), "", ""), event)
        for number, event in enumerate(events, 1)
    ]


def test_events_of_one_target_take_effect_in_their_order(store):
    batch = recorded(
        pair("d1", services=("a",)),
        pair("d2", services=("b",), project="other"),
        pair("d3", services=("c",), seconds=1),
        pair("d4", operation="DELETE", seconds=2, project="other"),
        pair("d5", operation="CHECK", seconds=3),
    )
    with store.database.writing() as connection:
        move_grants(connection, batch)

    assert [(one.sequence, one.service, one.state) for one in store.grants(active=False)] == [
        (3, "c", "active"),
        (2, "b", "released"),
        (1, "a", "superseded"),
    ]


def test_statements_for_different_targets_are_sent_together(store, monkeypatch):
    batch = recorded(*(pair(f"d{number}", project=f"p{number}") for number in range(5)))
    sent = []
    run = Prepared.run

    def noted(statement, connection, rows):
        sent.append(len(rows))
        run(statement, connection, rows)

    monkeypatch.setattr(Prepared, "run", noted)
    with store.database.writing() as connection:
        move_grants(connection, batch)

    assert sent == [5, 5]
    assert len(store.grants()) == 5
