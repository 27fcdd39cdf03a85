"""What the SQLite store promises about grants; tests/integration holds PostgreSQL to the same."""

from __future__ import annotations

import pytest

from policyd.audit.database import open_database
from policyd.audit.store import Store, open_store
from tests.support.ledger import (
    CONTRACTS,
    Contract,
    assert_an_old_log_goes_on,
    fill_as_version_1,
)


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_sqlite_keeps_and_finds_grants(store: Store, contract: Contract) -> None:
    contract(store)


def test_a_log_of_the_first_version_goes_on(path: str) -> None:
    database = open_database(path, create=True)
    fill_as_version_1(database)
    database.close()

    store = open_store(path)
    assert_an_old_log_goes_on(store)
    store.close()
