from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from policyd.audit import derived
from policyd.audit import verify as verification
from policyd.audit.chain import GENESIS, link

DROP = (
    "DROP TRIGGER events_no_update",
    "DROP TRIGGER events_no_delete",
    "DROP TRIGGER events_append",
)


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
    """A log of four events: two deployments of one project, one elsewhere, one release."""
    record("d1", services=("a", "b"))
    record("d2", operation="UPDATE", seconds=60)
    record("d3", repository="acme/serve", policies=("no-privileged",), allowed=False)
    record("d4", operation="DELETE", seconds=120)
    return store


def said(store) -> list[str]:
    return [str(problem) for problem in store.verify().problems]


def test_a_whole_log_has_no_problem_and_tells_its_head(filled):
    report = filled.verify()

    assert (report.ok, report.events, report.problems) == (True, 4, ())
    assert report.head == filled.decisions(1)[0].hash


def test_an_empty_log_is_whole(store):
    assert store.verify().head == GENESIS
    assert store.verify().ok


def test_a_changed_payload_is_found(filled, tamper):
    tamper("UPDATE events SET payload = replace(payload, 'ci-bot', 'nobody') WHERE sequence = 2")

    assert said(filled) == [
        "event 2: its hash does not match its payload",
        "event 2: its column username differs from its payload",
        "event 2: its grant 0 differs in the table of grants",
    ]


def test_a_removed_event_and_its_grants_are_found(filled, tamper):
    tamper("DELETE FROM events WHERE sequence = 2")

    assert said(filled) == [
        "event 3: follows event 1: events between them are missing",
        "event 2: is missing, but the tree of hashes has it",
        "event 1: its grant 0 differs in the table of grants",
        "event 1: its grant 1 differs in the table of grants",
        "event 2: its grant 0 differs in the table of grants",
    ]


def test_removed_events_at_the_end_are_found(filled, tamper):
    tamper("DELETE FROM events WHERE sequence > 2")

    assert said(filled)[0] == "event 2: is the last event, but according to the log, event 4 is"


def test_a_rewritten_event_is_found_by_the_next_one(filled, tamper):
    first, second = filled.decisions()[:1:-1]
    forged = second.payload.replace("ci-bot", "nobody")
    tamper(
        f"UPDATE events SET payload = '{forged}', hash = '{link(first.hash, forged.encode())}'"
        " WHERE sequence = 2"
    )

    assert said(filled)[0] == "event 3: its prev_hash is not the hash of the previous event"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("time", "'2020-01-01T00:00:00Z'"),
        ("kind", "'note'"),
        ("decision_id", "'other'"),
        ("allowed", "1"),
        ("repository", "'acme/other'"),
        ("policies", "' '"),
    ],
)
def test_a_column_that_does_not_follow_from_its_payload_is_found(filled, tamper, column, value):
    tamper(f"UPDATE events SET {column} = {value} WHERE sequence = 3")

    in_entry = column in ("time", "kind", "decision_id")
    assert said(filled) == [
        *(["event 3: the tree of hashes has another hash of it"] if in_entry else []),
        f"event 3: its column {column} differs from its payload",
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            "DELETE FROM grants WHERE sequence = 1 AND position = 1",
            "event 1: its grant 1 differs in the table of grants",
        ),
        (
            "UPDATE grants SET state = 'active', ended = '' WHERE sequence = 2",
            "event 2: its grant 0 differs in the table of grants",
        ),
        (
            "UPDATE grants SET devices = '\"all' WHERE sequence = 2",
            "event 2: its grant 0 differs in the table of grants",
        ),
        (
            "UPDATE grants SET replicas = 7 WHERE sequence = 2",
            "event 2: its grant 0 differs in the table of grants",
        ),
        (
            "UPDATE grants SET sequence = 3 WHERE sequence = 1 AND position = 0",
            "event 1: its grant 0 differs in the table of grants",
        ),
    ],
)
def test_a_grant_that_does_not_follow_from_the_events_is_found(filled, tamper, change, problem):
    tamper(change)

    assert said(filled)[0] == problem


def test_a_payload_that_is_no_decision_is_found(filled, tamper):
    tamper("UPDATE events SET payload = 'x' WHERE sequence = 3")

    problems = said(filled)
    assert problems[0] == "event 3: its hash does not match its payload"
    assert problems[1].startswith("event 3: event 3 is not a decision: ")


def test_a_report_stops_at_its_limit(filled, tamper, monkeypatch):
    monkeypatch.setattr(verification, "MAX_PROBLEMS", 2)
    tamper("UPDATE events SET payload = 'x'")

    assert len(said(filled)) == 2


@pytest.mark.parametrize(
    ("change", "problems"),
    [
        (
            "INSERT INTO grant_devices VALUES (9, 0, 'GPU-a')",
            ["event 9: its grant 0 differs in the table of grants"],
        ),
        (
            "UPDATE grants SET sequence = 9 WHERE sequence = 2",
            [
                "event 2: its grant 0 differs in the table of grants",
                "event 9: its grant 0 differs in the table of grants",
            ],
        ),
        (
            "INSERT INTO exception_uses VALUES ('rare', 'acme', 3)",
            ["event 3: its exceptions differ in the table of exception uses"],
        ),
        (
            "INSERT INTO exception_uses VALUES ('rare', 'acme', 0), ('rare', 'acme', 9)",
            [
                "event 0: its exceptions differ in the table of exception uses",
                "event 9: its exceptions differ in the table of exception uses",
            ],
        ),
    ],
)
def test_a_row_that_no_event_demands_is_found(filled, tamper, change, problems):
    tamper(change)

    assert said(filled) == problems


def test_progress_states_how_many_events_were_verified(filled, monkeypatch):
    monkeypatch.setattr(verification, "PROGRESS_EVERY", 2)
    shown = []

    with filled.database.reading() as connection:
        verification.verify(connection, progress=lambda *numbers: shown.append(numbers))

    assert shown == [(2, 4), (4, 4)]


def test_the_first_of_many_wrong_places_are_reported(monkeypatch):
    monkeypatch.setattr(derived, "_MAX_WRONG", 2)
    wrong = derived._Wrong()
    for sequence in (9, 4, 7, 1, 8, 2, 6):
        wrong.add((sequence, 0))

    assert wrong.first == [(1, 0), (2, 0)]
