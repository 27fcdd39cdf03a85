"""The inputs of decisions beside the hash chain."""

from __future__ import annotations

import pytest

from policyd.audit.store import Store
from tests.support.stored_inputs import CONTRACTS, Contract


@pytest.mark.thorough
@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_inputs_are_kept_in_sqlite(store: Store, contract: Contract) -> None:
    contract(store)
