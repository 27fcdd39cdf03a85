"""Which conditions are chosen. tests/support/filters.py shows that the same decisions are found."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.dialects import sqlite

from policyd.audit import decision_queries, index_choice, visible_events
from policyd.audit.decision_queries import DecisionFilters
from policyd.audit.store import Store
from policyd.audit.visibility import EVERYTHING, Visibility
from tests.unit.audit.conftest import pair


@pytest.fixture
def filled(store: Store) -> Store:
    """A log with 6 decisions on one host, 4 of them in one repository, 1 of a policy."""
    for number in range(6):
        repository = "often" if number < 4 else "rare"
        policies = ("no-privileged",) if number == 5 else ()
        store.append_decision(*pair(f"d{number}", repository=repository, policies=policies))
    return store


def chosen(store: Store, filters: DecisionFilters) -> str:
    with store.database.reading() as connection:
        found = decision_queries.conditions(filters, connection)
    dialect = sqlite.dialect()
    options = {"literal_binds": True}
    texts = (one.compile(dialect=dialect, compile_kwargs=options).string for one in found)
    return " AND ".join(texts).replace("events.", "").replace("\n", "")


def test_the_rarest_value_leads_and_the_others_are_compared(filled: Store) -> None:
    assert chosen(filled, {"host": "gpu-01", "repository": "rare"}) == (
        "repository = 'rare' AND coalesce(host, host) = 'gpu-01' AND "
        "coalesce(kind, kind) = 'decision'"
    )


def test_few_events_that_have_two_values_are_looked_up(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.append_decision(*pair("d7", repository="often", host="gpu-02"))
    for number in range(4):
        filled.append_decision(*pair(f"other-{number}", repository="other", host="gpu-02"))
    asked: DecisionFilters = {"host": "gpu-02", "repository": "often"}
    monkeypatch.setattr(index_choice, "FEW", 3)

    compared = (
        "coalesce(repository, repository) = 'often' AND coalesce(host, host) = 'gpu-02' AND "
        "coalesce(kind, kind) = 'decision'"
    )
    assert chosen(filled, asked) == f"sequence IN (7) AND {compared}"
    assert chosen(filled, {"host": "gpu-01", "repository": "other"}).startswith("0 AND ")
    monkeypatch.setattr(index_choice, "RARE", 4)
    led = compared.replace("coalesce(repository, repository)", "repository")
    assert chosen(filled, asked) == led


@pytest.mark.parametrize("filters", [{"host": "gpu-01", "environment": "none"}, {"policy": "none"}])
def test_nothing_is_read_for_a_value_that_does_not_occur(
    filled: Store, filters: DecisionFilters
) -> None:
    assert chosen(filled, filters).startswith("0 AND ")


def test_few_events_of_a_policy_are_looked_up(filled: Store) -> None:
    assert chosen(filled, {"policy": "no-privileged", "host": "gpu-01"}).startswith(
        "sequence IN (SELECT listed.sequence FROM events AS listed "
        "WHERE listed.policies IN (' no-privileged ') AND listed.policies != ' ') AND "
        "coalesce(host, host) = 'gpu-01' AND "
    )


def test_without_a_connection_the_order_of_the_filters_decides() -> None:
    first = decision_queries.conditions({"host": "gpu-01", "repository": "rare"})[0]

    assert str(first) == "events.repository = :repository_1"


def test_the_decisions_of_a_reader_lead_if_the_filters_select_many(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_events, "FEW", 0)
    own = Visibility(("often",))

    def found(reader: Visibility, **filters: Any) -> str | None:
        with filled.database.reading() as connection:
            one = decision_queries.few_found(connection, {**filters}, reader)
            if one is None:
                return None
            options = {"literal_binds": True}
            return str(one.compile(dialect=sqlite.dialect(), compile_kwargs=options))

    assert found(own, host="gpu-01") is None  # 6 events are RARE
    monkeypatch.setattr(index_choice, "RARE", 5)
    assert found(own, host="gpu-01") == "events.sequence IN (1, 2, 3, 4)"
    assert found(own, host="gpu-01", environment="none") is None
    assert found(own, host="gpu-01", policy="no-privileged") is None
    assert found(own, gpu="GPU-none") == "0"
    assert found(own, policy="no-privileged") is None
    assert found(own) is None
    assert found(EVERYTHING, host="gpu-01") is None
    monkeypatch.setattr(decision_queries, "PAGES", 3)
    assert found(own, host="gpu-01") is None
    monkeypatch.setattr(decision_queries, "PAGES", 4)
    monkeypatch.setattr(visible_events, "SOME", 3)
    assert found(own, host="gpu-01") is None
