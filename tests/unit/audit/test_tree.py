from __future__ import annotations

import pytest
from sqlalchemy import select

from policyd.audit import tree
from policyd.audit.database import open_database
from policyd.audit.store import open_store
from policyd.audit.tables import events
from policyd.errors import AuditError
from policyd.transparency import merkle
from tests.support.ledger import fill_as_version_1


def entries(store) -> list[bytes]:
    with store.database.reading() as connection:
        query = select(*tree.ENTRY_COLUMNS).order_by(events.c.sequence)
        return [tree.entry(*row) for row in connection.execute(query)]


def root(store, size: int) -> bytes:
    with store.database.reading() as connection:
        return merkle.root(size, tree.reader(connection))


def test_the_edge_is_read_by_the_primary_key(store) -> None:
    query = tree.edge_query(0b1011).compile(compile_kwargs={"literal_binds": True})
    with store.database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()

    steps = [row.detail for row in plan]
    assert sum("(level=? AND position=?)" in step for step in steps) == 3
    assert not any(step.startswith("SCAN") for step in steps)


def test_an_entry_has_digests_and_no_project(store, record) -> None:
    appended = record("d1", repository="acme/secret", project="secret")

    assert entries(store) == [
        b'{"v":1,"sequence":1,"kind":"decision","decision":"d1",'
        b'"time":"2026-11-23T15:00:00.000000000Z","hash":"' + appended.hash.encode() + b'"}'
    ]


def test_every_event_is_a_leaf_of_the_tree_when_it_is_appended(store, record) -> None:
    frontier = merkle.Frontier()
    for number in range(9):
        record(f"d{number}")
        frontier.append(merkle.leaf_hash(entries(store)[-1]))
        assert root(store, number + 1) == frontier.root()


def test_a_log_of_an_earlier_version_gets_its_tree_with_the_next_event(
    path, decided, monkeypatch
) -> None:
    monkeypatch.setattr(tree, "_ROWS_AT_ONCE", 2)
    database = open_database(path, create=True)
    fill_as_version_1(database)
    database.close()
    store = open_store(path)
    with store.database.reading() as connection:
        assert tree.leaves(connection) == 0

    store.append_decision(*decided("d3"))

    frontier = merkle.Frontier()
    for entry in entries(store):
        frontier.append(merkle.leaf_hash(entry))
    assert root(store, 3) == frontier.root()
    store.close()


def test_a_log_that_is_asked_whether_it_takes_events_gets_its_tree(path) -> None:
    database = open_database(path, create=True)
    fill_as_version_1(database)
    database.close()
    store = open_store(path)

    store.check_writable()

    with store.database.reading() as connection:
        assert tree.leaves(connection) == 2
    store.close()


def test_a_hash_that_the_tree_does_not_have_is_an_error(store) -> None:
    with store.database.reading() as connection, pytest.raises(AuditError) as caught:
        tree.reader(connection)(3, 7)
    assert str(caught.value) == "the tree of the audit log has no hash 7 at level 3"
