from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from policyd.audit import retention
from policyd.audit.event import rfc3339
from policyd.audit.log_event import log_event_of
from policyd.audit.retention import LEAST_AGE
from policyd.audit.store import Store
from policyd.errors import ContentRemoved, RequestError
from tests.support.ledger import signed
from tests.unit.audit.conftest import NOON

DAY = 24 * 3600
LATER = NOON + 10 * DAY * 1_000_000_000


def prune(store: Store, days: int) -> tuple[int, Any]:
    """Prune the decisions of the first `days` after NOON, ten days later."""
    before = rfc3339(NOON + days * DAY * 1_000_000_000)
    return retention.prune(store, before, now=LATER, actor="ana", reason="two years")


@pytest.fixture
def filled(store: Store, record: Callable[..., Any]) -> Store:
    """Two days: a grant that ended, one that is held, a denial, an event; then another denial."""
    record("ended", project="a")
    record("held", project="b", seconds=1)
    record("release", project="a", operation="DELETE", seconds=2)
    record("denied", allowed=False, policies=("no-root",), seconds=DAY - 1)
    store.append_event("settings", {"changed": []}, now=NOON + (DAY - 1) * 1_000_000_000)
    record("later", allowed=False, seconds=DAY)
    return store


def contents(store: Store) -> list[str]:
    with store.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT sequence, payload FROM events ORDER BY sequence")
        return ["" if not row.payload else str(row.sequence) for row in rows]


def test_the_content_of_old_decisions_is_removed_and_the_log_verifies(filled: Store) -> None:
    checkpoint = signed(filled)
    held = filled.grants()
    before = filled.verify()

    number, record = prune(filled, 1)

    assert number == 3
    assert contents(filled) == ["", "2", "", "", "5", "6", "7"]
    event = log_event_of(record)
    assert (event.kind, event.actor, event.reason) == ("retention", "ana", "two years")
    assert event.details == {
        "before": "2026-11-24T15:00:00.000000000Z",
        "through": 5,
        "decisions": 3,
    }
    report = filled.verify()
    assert (before.removed, report.removed, report.problems) == (0, 3, ())
    assert signed(filled).partition("\n")[0] == checkpoint.partition("\n")[0]
    assert filled.grants() == held
    assert [one.service for one in filled.grants(active=False, gpu="0")] == []
    assert [one.decision_id for one in filled.grants(active=False)] == ["held", "ended"]
    assert [one.sequence for one in filled.decisions()] == [6, 2]


def test_a_pruned_decision_says_so(filled: Store) -> None:
    prune(filled, 1)

    with pytest.raises(ContentRemoved) as caught:
        filled.decision("denied")
    assert str(caught.value) == (
        "retention removed the content of the decision denied: event 4 of the audit log has its "
        "hash only"
    )


def test_pruning_again_removes_what_is_new_and_records_nothing_else(filled: Store) -> None:
    assert prune(filled, 1)[0] == 3
    assert prune(filled, 1) == (0, None)
    filled.append_event("stop", {}, now=LATER)
    assert prune(filled, 5)[0] == 1
    assert filled.verify().ok


def test_an_interrupted_removal_is_continued(
    filled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "_ROWS_AT_ONCE", 1)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(retention.time, "sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prune(filled, 1)
    assert filled.verify().problems == ()
    monkeypatch.setattr(retention.time, "sleep", lambda _: None)

    assert prune(filled, 1)[0] == 2
    assert filled.verify().removed == 3


def test_content_that_no_retention_removed_is_missing(filled: Store, path: str) -> None:
    prune(filled, 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE events SET payload = '' WHERE sequence = 6")

    assert [str(one) for one in filled.verify().problems] == [
        "event 6: its payload is missing, and no retention removed it"
    ]


def test_the_content_is_not_in_the_files_any_more(filled: Store, path: str) -> None:
    def occurrences() -> int:
        files = [Path(path), Path(f"{path}-wal")]
        return sum(file.read_bytes().count(b"no-root says no") for file in files if file.exists())

    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert occurrences() > 0
    prune(filled, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    assert occurrences() == 0


def test_the_last_day_is_kept(filled: Store) -> None:
    now = NOON + 2 * LEAST_AGE
    assert retention.prunable(filled, rfc3339(now - LEAST_AGE), now) == (3, 5)
    with pytest.raises(RequestError) as caught:
        retention.prunable(filled, rfc3339(now - LEAST_AGE + 1), now)
    assert str(caught.value) == (
        "--before must be more than a day ago: the decisions of the last day answer reviews that "
        "are repeated"
    )


def test_each_page_begins_where_the_last_ended_without_reading_an_index(filled: Store) -> None:
    page = retention.next_page(3, 9, rfc3339(LATER))
    with filled.database.reading() as connection:
        compiled = page.compile(connection, compile_kwargs={"literal_binds": True})
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")
        plan = [row.detail for row in rows]

    assert plan[0] == "SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
    assert plan[2] == "SEARCH grants USING INDEX sqlite_autoindex_grants_1 (sequence=?)"
    assert len(plan) == 3
