from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from policyd.audit import recent_verification
from policyd.audit.recent_verification import RecentReport, verify_recent
from policyd.audit.retention import prune
from tests.support.ledger import signed
from tests.unit.audit.conftest import NOON
from tests.unit.audit.test_verify import DROP

DAY = 24 * 3600


@pytest.fixture
def tamper(path):
    """A function that runs SQL on the file, as someone could who may write it."""

    def run(*statements: str) -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            for statement in (*DROP, *statements):
                connection.execute(statement)

    return run


@pytest.fixture
def filled(store, record):
    """A log of seven events with checkpoints of four and of six."""
    for number in range(1, 5):
        record(f"d{number}", seconds=number)
    signed(store)
    record("d5", seconds=5)
    record("d6", seconds=6)
    signed(store)
    record("d7", seconds=7)
    return store.database


def said(database, after: int = 0, **limits) -> list[str]:
    return [str(one) for one in verify_recent(database, after, **limits).problems]


def test_the_newest_events_are_compared_with_checkpoints(filled):
    assert verify_recent(filled) == RecentReport(7, 1, 7, 2)
    assert verify_recent(filled, 3) == RecentReport(7, 4, 7, 2)
    assert verify_recent(filled, 4) == RecentReport(7, 5, 7, 1)
    assert verify_recent(filled, most=2) == RecentReport(7, 6, 7, 1)


def test_without_new_events_the_newest_checkpoint_is_compared_with_the_tree(filled):
    assert verify_recent(filled, 7) == RecentReport(7, 8, 7, 1)
    assert verify_recent(filled, 99) == RecentReport(7, 8, 7, 1)


def test_an_empty_log_is_whole(store):
    assert verify_recent(store.database) == RecentReport(0, 1, 0, 0)


def test_a_changed_payload_is_found_in_the_newest_events_only(filled, tamper):
    tamper("UPDATE events SET payload = replace(payload, 'ci-bot', 'nobody') WHERE sequence = 5")

    assert said(filled, 4) == ["event 5: its hash does not match its payload"]
    assert said(filled, 5) == []


def test_a_removed_event_is_found(filled, tamper):
    tamper("DELETE FROM events WHERE sequence = 5")

    assert said(filled) == ["event 6: follows event 4: events between them are missing"]


def test_removed_events_at_the_end_are_found(filled, tamper):
    tamper(
        "DELETE FROM events WHERE sequence > 4",
        "UPDATE heads SET sequence = 4, hash = (SELECT hash FROM events WHERE sequence = 4)",
    )

    assert said(filled) == ["event 5: is missing, but the stored checkpoint has 6 events"]


def test_a_changed_column_of_an_entry_is_found_by_the_tree_and_the_checkpoint(filled, tamper):
    tamper("UPDATE events SET decision_id = 'other' WHERE sequence = 6")

    assert said(filled) == [
        "event 6: the tree of hashes has another hash of it",
        "event 6: the stored checkpoint of 6 events has other events up to it",
    ]


def test_a_tree_that_was_changed_contradicts_the_checkpoint(filled, tamper):
    tamper("UPDATE tree_nodes SET hash = zeroblob(32) WHERE level = 2")

    assert said(filled, 7) == [
        "event 6: the stored checkpoint of 6 events has other events up to it"
    ]


def test_content_that_retention_removed_may_be_missing(store, record):
    for number in range(3):
        record(f"d{number}", seconds=number, grants=())
    prune(store, "2026-11-24T00:00:00Z", now=NOON + 9 * DAY * 10**9, actor="ana", reason="old")

    assert said(store.database) == []


def test_it_ends_in_time_and_names_the_last_event(filled, monkeypatch):
    monkeypatch.setattr(recent_verification, "_LOOK_AT_CLOCK", 3)

    assert verify_recent(filled, seconds=-1) == RecentReport(7, 1, 3, 1)
