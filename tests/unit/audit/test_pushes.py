"""The promises themselves are contracts of every store: see tests/support/stored_pushes.py."""

from __future__ import annotations

import pytest

from policyd.audit import pushes as module
from policyd.audit.pushes import Pushes
from policyd.audit.store import Store
from tests.support.stored_pushes import CONTRACTS, Contract, push


@pytest.mark.thorough
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_the_contracts_of_stored_pushes(contract: Contract, store: Store) -> None:
    contract(Pushes(store))


def test_no_more_pushes_wait_than_the_limit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 2)
    pushes = Pushes(store)

    assert not pushes.add("hub", "", [push(1), push(2), push(3)], 1)
    assert pushes.records() == []
    assert pushes.add("hub", "", [push(1), push(2)], 1)
    assert not pushes.add("hub", "", [push(3)], 1)
    assert pushes.add("other", "", [push(3)], 1)
    pushes.claim("hub", 1, 2, until=9)
    assert not pushes.add("hub", "", [push(3)], 1)
    pushes.finish(1, 3)
    assert pushes.add("hub", "", [push(3)], 3)
