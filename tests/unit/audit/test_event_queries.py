"""Pages of events are found by indexes; `find_the_newest_events_of_kinds` says what is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from policyd.audit import visible_events
from policyd.audit.grant_queries import with_device
from policyd.audit.log_event import KINDS
from policyd.audit.moments import Period
from policyd.audit.store import Store
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.model import Grant
from tests.support.held import at, find_the_grants_that_a_reader_may_see
from tests.support.held import find_the_newest_events_of_kinds as find_events


@contextmanager
def statements() -> Iterator[list[tuple[str, Any]]]:
    """Give the statements that are executed meanwhile, with their parameters."""
    found: list[tuple[str, Any]] = []

    def keep(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        found.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


def plans(store: Store, ask: Callable[[], object]) -> list[str]:
    """Return how SQLite executes the last statement of `ask`."""
    with statements() as found:
        ask()
    statement, parameters = found[-1]
    with store.database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        return [row.detail for row in plan]


@pytest.mark.parametrize("kinds", [(), KINDS, ("decision", "checkpoint")])
def test_each_kind_is_read_from_its_newest_event(store: Store, kinds: tuple[str, ...]) -> None:
    period = Period(at(0), at(9))
    plan = plans(store, lambda: store.events(kinds=kinds, period=period))

    looked_up = "SEARCH of_kind USING INDEX events_by_kind (kind=? AND time>? AND time<?)"
    assert plan[0] == "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"
    assert plan.count(looked_up) == len(kinds or (*KINDS, "decision"))
    assert plan.count("USE TEMP B-TREE FOR ORDER BY") == 1


def test_decisions_that_granted_a_device_are_looked_up(store: Store, record: Any) -> None:
    of_gpu = Grant("a", "nvidia", "gpus", ("0",), 1, (), identities=("0",))
    of_all = Grant("a", "nvidia", "gpus", "all", 1, (), identities=())
    for number, granted in enumerate((of_gpu, of_all, None), 1):
        grants = () if granted is None else (granted,)
        record(f"d{number}", environment=str(number), grants=grants)

    plan = plans(store, lambda: store.decisions(gpu="none"))

    assert plan[0] == "SEARCH events USING INTEGER PRIMARY KEY (rowid=?)"
    assert [one.sequence for one in store.decisions(gpu="0")] == [2, 1]
    assert [one.sequence for one in store.decisions(gpu="none")] == [2]


@pytest.mark.parametrize(("most", "expected"), [(1, None), (2, None), (3, [1, 2, 3])])
def test_a_decision_that_granted_a_device_twice_counts_once(
    store: Store, record: Any, most: int, expected: list[int] | None
) -> None:
    granted = [
        Grant(service, "nvidia", "gpus", devices, 1, (), identities=("0",))
        for service, devices in (("a", ("0",)), ("b", "all"))
        for _ in range(2)
    ]
    for number in range(1, 4):
        record(f"d{number}", environment=str(number), grants=tuple(granted))

    with store.database.reading() as connection:
        assert with_device(connection, "0", most) == expected


@pytest.mark.parametrize("few", [0, 100])
def test_pages_do_not_depend_on_how_many_events_a_reader_may_see(
    store: Store, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_events, "FEW", few)
    find_events(store)


@pytest.mark.parametrize("few", [0, 100])
def test_grants_do_not_depend_on_how_many_a_reader_may_see(
    store: Store, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_events, "FEW", few)
    find_the_grants_that_a_reader_may_see(store)


def test_a_reader_of_few_events_or_grants_waits_for_no_others(store: Store, record: Any) -> None:
    record("d1", repository="ml/train", host="gpu-01")
    by_key = "USING INTEGER PRIMARY KEY (rowid=?)"
    own = Visibility(("ml/**",))

    plan = plans(store, lambda: store.events(kinds=("decision",), visibility=own))
    assert plan[0] == f"SEARCH events {by_key}"
    for filters in ({}, {"host": "gpu-01"}, {"at": at(0)}):
        plan = plans(
            store, lambda filters=filters: store.grants(active=False, visibility=own, **filters)
        )
        assert plan[0].startswith("SEARCH grants USING INDEX sqlite_autoindex_grants_1 (sequence=?")
    plan = plans(store, lambda: store.grants(active=False, visibility=EVERYTHING))
    assert plan == ["SCAN grants USING INDEX grants_by_time"]
