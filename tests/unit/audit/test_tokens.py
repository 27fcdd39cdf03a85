"""The promises themselves are contracts of every store: see tests/support/stored_tokens.py."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from policyd.audit.store import Store
from policyd.audit.tables import tokens
from policyd.audit.tokens import Tokens
from policyd.errors import AuditError
from tests.support.stored_tokens import CI, CONTRACTS, Contract


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.__name__)
def test_the_contracts_of_stored_tokens(contract: Contract, store: Store) -> None:
    contract(Tokens(store))


def test_a_token_in_another_form_is_an_error(store: Store) -> None:
    Tokens(store).create("ci", CI, now=1, actor="alice")
    with store.database.writing() as connection:
        connection.execute(update(tokens).values(token="[]"))

    with pytest.raises(AuditError, match="the token ci is stored in another form"):
        Tokens(store).records()
