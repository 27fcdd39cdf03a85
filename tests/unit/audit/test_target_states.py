from __future__ import annotations

import sqlite3
from contextlib import closing

import msgspec
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from policyd.audit import retention
from policyd.audit.database import open_database
from policyd.audit.event import SUPERSEDED, decision_event
from policyd.audit.store import open_store
from policyd.audit.tables import open_violations, targets
from policyd.audit.target_states import move_targets
from policyd.model import AuditRecord, Status
from tests.support.cases import cases
from tests.support.held import at, nanoseconds
from tests.unit.audit.conftest import pair

A = ("no-a",)


def opened(store):
    """Return the open violations: project, policy, first and last event."""
    query = select(*(open_violations.c[name] for name in ("project", "policy", "first", "last")))
    with store.database.reading() as connection:
        return sorted(map(tuple, connection.execute(query)))


def states(store):
    """Return the last event of each target."""
    query = select(targets.c.project, targets.c.sequence, targets.c.allowed)
    with store.database.reading() as connection:
        return sorted(map(tuple, connection.execute(query)))


def test_violations_are_open_from_the_first_evaluation_until_one_without_them(store):
    store.append_decision(*pair("d1", policies=("no-a", "no-b")))
    store.append_decision(*pair("d2", policies=A))
    store.append_decision(*pair("d3", policies=A, project="other"))
    assert opened(store) == [("other", "no-a", 3, 3), ("train", "no-a", 1, 2)]

    store.append_decision(*pair("d4"))
    store.append_decision(*pair("d5", policies=A))
    assert opened(store) == [("other", "no-a", 3, 3), ("train", "no-a", 5, 5)]
    assert states(store) == [("other", 3, True), ("train", 5, True)]
    assert store.verify().problems == ()


def test_decisions_of_one_commit_follow_one_another(store):
    """A violation that ends and begins again in one transaction begins with the second."""
    decisions = [("d1", A), ("d2", ()), ("d3", A), ("d4", ("no-a", "no-b"))]
    recorded = [
        (
            AuditRecord(number, "", "decision", "", "", ""),
            decision_event(*pair(name, policies=some)),
        )
        for number, (name, some) in enumerate(decisions, 1)
    ]
    with store.database.writing() as connection:
        move_targets(connection, recorded)

    assert opened(store) == [("train", "no-a", 3, 4), ("train", "no-b", 4, 4)]
    assert states(store) == [("train", 4, True)]


def test_what_is_not_about_a_whole_project_now_changes_no_state(store):
    store.append_decision(*pair("d1", policies=A))
    store.append_decision(*pair("d2", dry_run=True))
    store.append_decision(*pair("d3", point="daemon"))
    review, decision = pair("d4")
    late = msgspec.structs.replace(decision, audit_annotations={SUPERSEDED: "true"})
    store.append_decision(review, late)

    assert opened(store) == [("train", "no-a", 1, 1)]
    assert states(store) == [("train", 1, True)]
    assert store.verify().problems == ()


def test_a_project_that_was_not_evaluated_keeps_its_violations(store):
    store.append_decision(*pair("d1", policies=A))
    review, decision = pair("d2", allowed=False)
    broken = msgspec.structs.replace(decision, status=Status(422, "Invalid", "no image"))
    store.append_decision(review, broken)
    review, decision = pair("d3")
    ignored = msgspec.structs.replace(decision, audit_annotations={"failure": "EngineError"})
    store.append_decision(review, ignored)

    assert opened(store) == [("train", "no-a", 1, 1)]
    assert states(store) == [("train", 3, True)]
    assert store.verify().problems == ()


def test_a_service_with_a_nul_character_can_be_recorded(store):
    review, decision = pair("d1", policies=A)
    (violation,) = decision.violations
    odd = msgspec.structs.replace(violation, service="a\0b")
    store.append_decision(review, msgspec.structs.replace(decision, violations=(odd,)))

    with store.database.reading() as connection:
        assert connection.execute(select(open_violations.c.service)).scalar() == "a\ufffdb"
    assert store.verify().problems == ()


@cases(
    "statement",
    [
        "UPDATE targets SET allowed = 0",
        "UPDATE targets SET sequence = 1",
        "DELETE FROM targets",
        "DELETE FROM open_violations",
        "UPDATE open_violations SET first = 2",
        "UPDATE open_violations SET policy = 'no-b'",
        "UPDATE open_violations SET denies = 0",
    ],
)
def test_a_state_that_does_not_follow_from_the_events_is_found(empty_log, tmp_path, statement):
    path = tmp_path / "audit.db"
    path.write_bytes(empty_log.read_bytes())
    store = open_store(str(path))
    store.append_decision(*pair("d1", policies=A))
    store.append_decision(*pair("d2", policies=A))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)

    problems = [f"event {one.sequence}: {one.message}" for one in store.verify().problems]
    store.close()
    assert problems == ["event 2: its target 'train' differs in the tables"]


def test_states_of_removed_events_are_not_compared(store):
    """Retention removes the content of old decisions, from which the states follow."""
    store.append_decision(*pair("d1", policies=A, grants=()))
    store.append_decision(*pair("d2", policies=A, grants=(), project="old"))
    store.append_decision(*pair("d3", policies=A, grants=(), seconds=5 * 86_400))
    now = nanoseconds(9 * 86_400)
    retention.prune(store, at(86_400), now=now, actor="olga", reason="privacy")

    report = store.verify()
    assert (report.removed, report.problems) == (2, ())
    assert opened(store) == [("old", "no-a", 2, 2), ("train", "no-a", 1, 3)]


def test_the_migration_writes_the_states_of_the_events_that_there_are(store, path, tmp_path):
    store.append_decision(*pair("d1", policies=("no-a", "no-b")))
    store.append_decision(*pair("d2", policies=A))
    store.append_decision(*pair("d3", dry_run=True))
    store.append_decision(*pair("d4", project="other", operation="DELETE", grants=()))
    store.append_decision(*pair("d5", point="daemon", project="third"))
    expected = opened(store), states(store)
    older = open_database(str(tmp_path / "older.db"), create=True)
    config = Config()
    config.set_main_option("script_location", "policyd.audit:migrations")
    with older.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0014")
    older.close()
    with closing(sqlite3.connect(tmp_path / "older.db")) as connection, connection:
        connection.execute("ATTACH ? AS newer", (path,))
        connection.execute("DELETE FROM heads")
        for table in ("events", "heads", "grants", "grant_devices", "tree_nodes"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM newer.{table}")

    migrated = open_store(str(tmp_path / "older.db"))
    assert (opened(migrated), states(migrated)) == expected
    assert migrated.verify().problems == ()
    migrated.close()
