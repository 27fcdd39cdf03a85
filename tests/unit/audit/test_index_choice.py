"""Which conditions are chosen. tests/support/filters.py shows that the same decisions are found."""

from __future__ import annotations

import pytest
from sqlalchemy.dialects import sqlite

from policyd.audit import decision_queries, index_choice
from policyd.audit.decision_queries import DecisionFilters
from policyd.audit.store import Store
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
