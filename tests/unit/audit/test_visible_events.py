from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from policyd.audit import visible_events
from policyd.audit.decision_rows import decision_page
from policyd.audit.store import Store
from policyd.audit.tables import events
from policyd.audit.visibility import EVERYTHING, Visibility
from policyd.audit.visible_events import few_visible
from tests.support.cases import cases


@pytest.fixture
def filled(store: Store, record) -> Store:
    """A log with three decisions on one repository, and one on each of two others."""
    record("d1", repository="ml/train", host="gpu-01")
    record("d2", repository="ml/train", host="gpu-02", allowed=False)
    record("d3", repository="bio/fold", host="gpu-02", environment="")
    record("d4", repository="ml/train", host="", environment="")
    record("d5", repository="", host="gpu-02")
    store.append_event("start", {}, now=1_795_446_000_000_000_000)
    return store


READERS = (
    Visibility(("ml/*",)),
    Visibility(("ml/train", "bio/**")),
    Visibility(("none/**",)),
    Visibility(()),
    Visibility(("**",), ("prod",)),
    Visibility(hosts=("gpu-02",)),
    Visibility(("ml/*",), ("prod",), ("gpu-*",)),
    EVERYTHING,
)


def decisions(store: Store, visibility: Visibility, **filters) -> list[str]:
    page = decision_page(store.database, visibility=visibility, **filters)
    found = [one.decision_id for one in page.rows]
    records = store.decisions(visibility=visibility, **filters)
    assert [json.loads(one.payload)["decision_id"] for one in records] == found
    return found


@pytest.mark.parametrize("most", [0, 2, 100])
def test_a_reader_finds_the_same_decisions_however_many_are_visible(
    filled: Store, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_events, "FEW", most)
    found = {reader: decisions(filled, reader) for reader in READERS}

    assert list(found.values()) == [
        ["d4", "d2", "d1"], ["d4", "d3", "d2", "d1"], [], [],
        ["d5", "d2", "d1"], ["d5", "d3", "d2"], ["d2", "d1"], ["d5", "d4", "d3", "d2", "d1"],
    ]  # fmt: skip
    assert decisions(filled, READERS[0], allowed=False, host="gpu-02") == ["d2"]
    assert decisions(filled, READERS[1], repository="bio/fold") == ["d3"]


@cases(
    ("reader", "most", "expected"),
    [
        (Visibility(("bio/*",)), 1, [3]),
        (Visibility(("ml/*",)), 2, None),
        (Visibility(("ml/*",)), 3, [1, 2, 4]),
        (Visibility(("ml/*",), hosts=("gpu-01",)), 2, [1]),
        (Visibility(("none/*",)), 0, []),
        (Visibility(("bio/*", "")), 5, [3]),
        (EVERYTHING, 100, None),
    ],
)
def test_few_events_are_those_with_visible_names(
    filled: Store, reader: Visibility, most: int, expected: list[int] | None
) -> None:
    with pytest.MonkeyPatch.context() as patch, filled.database.reading() as connection:
        patch.setattr(visible_events, "FEW", most)
        condition = few_visible(connection, reader)
        if condition is None:
            assert expected is None
        else:
            query = select(events.c.sequence).where(condition).order_by(events.c.sequence)
            assert connection.execute(query).scalars().all() == expected


@pytest.mark.parametrize("most", [0, 100])
def test_events_of_all_kinds_are_those_that_the_reader_may_see(
    filled: Store, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_events, "FEW", most)
    with filled.database.reading() as connection:
        rows = connection.execute(select(events).order_by(events.c.sequence.desc())).all()
    for reader in READERS:
        own = [
            row.sequence for row in rows if reader.shows(row.repository, row.environment, row.host)
        ]
        assert [one.sequence for one in filled.events(visibility=reader)] == own
        for number, last in enumerate(own):
            page = filled.events(2, before=last, visibility=reader)
            assert [one.sequence for one in page] == own[number + 1 : number + 3]


def test_a_log_with_very_many_names_is_read_by_time(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visible_events, "MAX_NAMES", 1)
    with filled.database.reading() as connection:
        assert few_visible(connection, Visibility(("bio/*",))) is None
    assert decisions(filled, Visibility(("bio/*",))) == ["d3"]


def test_names_and_events_are_found_by_an_index(filled: Store) -> None:
    with filled.database.reading() as connection:
        condition = few_visible(connection, Visibility(("ml/*",)))
        assert condition is not None
        query = (
            select(events.c.time)
            .where(condition)
            .compile(connection, compile_kwargs={"literal_binds": True})
        )
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    assert not any(row.detail.startswith("SCAN") for row in plan)
