from __future__ import annotations

from pathlib import Path

import pytest

from policyd.audit.store import Store
from policyd.audit.turns import FILES, turn
from policyd.errors import AuditError
from tests.support.turns import CONTRACTS, Contract


@pytest.mark.thorough
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_processes_and_threads_take_turns_on_sqlite(store: Store, contract: Contract) -> None:
    contract(store, store.name)


def test_a_turn_that_is_not_given_back_is_an_error_which_names_the_file(store: Store) -> None:
    with turn(store.database, "main/3/7"):
        with pytest.raises(AuditError) as refused, turn(store.database, "main/3/7", 0.0):
            pass
        with turn(store.database, "main/3/8"):
            pass
    locked = [one.name for one in Path(store.name).parent.glob("*.turn-*")]

    assert str(refused.value) == (
        f"cannot take turns with other processes: {store.name}.turn-15 is locked by another process"
    )
    assert sorted(locked) == [
        f"{Path(store.name).name}.turn-14",
        f"{Path(store.name).name}.turn-15",
    ]
    assert FILES == 16
