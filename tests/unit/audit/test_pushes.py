"""The promises themselves are contracts of every store: see tests/support/stored_pushes.py."""

from __future__ import annotations

import pytest
from msgspec import structs

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


def test_the_pushes_of_a_digest_are_found_newest_first(store: Store) -> None:
    pushes = Pushes(store)
    same, other = push(1).digest, "sha256:" + "f" * 64
    reported = [structs.replace(push(number), digest=same, detail="{}") for number in (1, 2)]
    pushes.add("hub", "", [*reported, structs.replace(push(3), digest=other)], 1)
    pushes.add("other", "", reported, 1)
    pushes.claim("hub", 1, 2, until=9)

    found = pushes.of_digests("hub", [same, "sha256:" + "e" * 64])

    assert [(one.event_id, one.state, one.detail) for one in found] == [
        (push(2).event_id, "waiting", "{}"),
        (push(1).event_id, "running", "{}"),
    ]


def test_the_pushes_of_a_digest_are_found_without_reading_the_others(store: Store) -> None:
    query = module._of_digests("hub", [push(1).digest])
    with store.database.reading() as connection:
        compiled = query.compile(connection, compile_kwargs={"literal_binds": True})
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")
        plan = [row.detail for row in rows]

    assert plan[0] == "SEARCH pushes USING INDEX pushes_by_digest (registry=? AND digest=?)"
