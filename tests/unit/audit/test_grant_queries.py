"""What the SQLite store promises about grants; tests/integration holds PostgreSQL to the same."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import msgspec
import pytest

from policyd.audit.database import open_database
from policyd.audit.store import Store, open_store
from tests.support.ledger import (
    CONTRACTS,
    Contract,
    assert_an_old_log_goes_on,
    fill_as_version_1,
    known,
)
from tests.unit.audit.conftest import pair


@pytest.mark.thorough
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_sqlite_keeps_and_finds_grants(store: Store, contract: Contract) -> None:
    contract(store)


@pytest.mark.thorough
def test_a_log_of_the_first_version_goes_on(path: str) -> None:
    database = open_database(path, create=True)
    fill_as_version_1(database)
    database.close()

    store = open_store(path)
    assert_an_old_log_goes_on(store)
    store.close()


@pytest.mark.thorough
@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM grant_devices WHERE name = 'gpu-aa'",
        "UPDATE grant_devices SET name = '1' WHERE name = '0'",
        "INSERT INTO grant_devices VALUES (1, 0, 'gpu-bb')",
        "UPDATE grants SET identities = '[]'",
        "UPDATE grants SET certainty = NULL",
        "UPDATE grants SET exceptions = '[]'",
    ],
)
def test_a_changed_device_of_a_grant_is_found(store: Store, path: str, statement: str) -> None:
    grant = msgspec.structs.replace(known("train", ("0",)), exceptions=("night",))
    store.append_decision(*pair("d1", grants=(grant,)))
    assert store.verify().problems == ()

    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)

    assert [str(problem) for problem in store.verify().problems] == [
        "event 1: its grant 0 differs in the table of grants"
    ]
