from __future__ import annotations

import random
import shutil
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, text, update

from policyd.audit import grant_summaries
from policyd.audit.event import GrantRecord
from policyd.audit.grant_summaries import held_grants, holders
from policyd.audit.moments import Period, nanoseconds
from policyd.audit.store import Store, open_store
from policyd.audit.usage import holders_of, usage
from policyd.audit.visibility import Visibility
from policyd.errors import AuditError
from policyd.holdings import usage_list
from policyd.inventory.hosts import Gpu, Host
from tests.support.held import at, granted
from tests.unit.audit.conftest import NOON, pair

DAY = 86_400
HOSTS = {"gpu-01": Host("580", "13.0", tuple(Gpu(n, f"GPU-a{n}") for n in range(3)))}
NOW = at(40 * DAY)
MIDNIGHTS = [number * DAY - 15 * 3600 for number in range(41)]
"""The beginnings of days: the log begins at 15:00."""


@pytest.fixture(scope="module")
def example(empty_log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A log of 30 days, with days without events, in which everything happens that ends grants."""
    path = tmp_path_factory.mktemp("log") / "audit.db"
    shutil.copy(empty_log, path)
    store = open_store(str(path))
    fill(store)
    store.close()
    return path


@pytest.fixture
def path(example: Path, tmp_path: Path) -> Path:
    """Where a copy of the example lies."""
    return Path(shutil.copy(example, tmp_path / "audit.db"))


@pytest.fixture
def filled(path: Path) -> Iterator[Store]:
    """A copy of the example."""
    opened = open_store(str(path))
    yield opened
    opened.close()


def fill(store: Store) -> None:
    """Record what happens in the example."""
    chance = random.Random(7)
    moments = sorted(chance.choices(range(30 * DAY), k=90) + MIDNIGHTS[2:28:3])
    for number, second in enumerate(one for one in moments if not 8 * DAY < one < 12 * DAY):
        team = chance.choice("ab")
        devices = chance.choice([("0",), ("1", "2"), "all", {"count": 2}])
        lease = at(second + chance.choice([60, DAY, 9 * DAY])) if chance.random() < 0.3 else ""
        grants = [
            granted(
                f"s{position}",
                devices=devices,
                identities=() if isinstance(devices, str | dict) else devices,
                expires=lease,
            )
            for position in range(chance.choice([1, 1, 2]))
        ]
        is_end = chance.random() < 0.2
        store.append_decision(
            *pair(
                f"d{number}",
                operation="DELETE" if is_end else "CREATE",
                grants=() if is_end else tuple(grants),
                repository=f"{team}/r",
                project=chance.choice("pq"),
                environment=chance.choice(["prod", ""]),
                host=chance.choice(["gpu-01", "gpu-02", ""]),
                seconds=second,
            )
        )
        if chance.random() < 0.1:
            now = NOON + (second + 1) * 10**9
            store.revoke(store.grants(1, now=now), now=now, actor="ana", reason="r")


def counted(store: Store, period: Period, **filters: Any) -> Any:
    """Return the usage of each grouping, and what the grants themselves say."""
    records = store.grants(
        10**6, active=False, period=period, now=NOON + 40 * DAY * 10**9, **filters
    )
    known = {"gpu-01": ("0", "1", "2")}
    for by in ("team", "repository", "host", "user"):
        found = usage_list(store, period, NOW, by=by, hosts=HOSTS, **filters).items
        yield found, reference(records, period, by, known)


def reference(records: list[GrantRecord], period: Period, by: str, known: Any) -> Any:
    """Return the usage, counted grant by grant and moment by moment."""
    groups: dict[str, list[GrantRecord]] = {}
    for one in records:
        names = {"team": one.repository.split("/")[0], "user": one.username}
        groups.setdefault(names.get(by) or getattr(one, by, ""), []).append(one)
    return {name: counted_grants(own, period, known) for name, own in groups.items()}


def counted_grants(records: list[GrantRecord], period: Period, known: Any) -> Any:
    held: dict[tuple[Any, ...], list[tuple[int, int]]] = {}
    for one in records:
        place = one.host or one.target
        names: Any = one.identities or one.devices
        if isinstance(names, dict):
            names = [str(number) for number in range(names["count"])]
        if names == "all":
            names = known.get(one.host, [None])
        start = max(one.time, period.since)
        end = max(start, min(one.ended or period.until, period.until))
        for name in names:
            held.setdefault((place, name), []).append((nanoseconds(start), nanoseconds(end)))
    hours = {True: 0.0, False: 0.0}
    for (_, name), spans in held.items():
        edges = sorted({moment for span in spans for moment in span})
        for left, right in pairwise(edges):
            if any(start <= left and right <= end for start, end in spans):
                hours[name is not None] += (right - left) / 3600e9
    gpus = sum(name is not None for _, name in held)
    return round(hours[True], 3), gpus, len(records), round(hours[False], 3)


def periods() -> Iterator[Period]:
    """Yield periods: with ends at midnights and between, in and around days without events."""
    chance = random.Random(11)
    moments = [*MIDNIGHTS, *(chance.randrange(40 * DAY) for _ in range(30))]
    yield Period("", NOW)
    for _ in range(10):
        since, until = sorted(chance.sample(moments, 2))
        yield Period(at(since), at(until))


def test_the_usage_of_any_period_is_what_its_grants_say(filled: Store) -> None:
    with filled.database.reading() as connection:
        stored = connection.execute(select(grant_summaries.grant_summaries)).all()
    assert len(stored) > 20
    compare_usage(filled)


def compare_usage(filled: Store) -> None:
    """Assert that usage of many periods is what the grants say."""
    for period in periods():
        for found, expected in counted(filled, period):
            assert {
                one.group: (one.gpu_hours, one.gpus, one.grants, one.uncounted_hours)
                for one in found
            } == {name: pytest.approx(one, abs=0.0011) for name, one in expected.items()}, period


def test_the_usage_is_that_of_what_the_reader_may_see_and_asks_for(filled: Store) -> None:
    period = Period(at(3 * DAY), at(20 * DAY))
    own = Visibility(("a/*",), ("prod",), ("gpu-*",))
    for filters in ({"visibility": own}, {"repository": "b/r"}, {"environment": ""},
                    {"host": "gpu-02", "username": "ci-bot"}, {"project": "p"},
                    {"gpu": "1"}):  # fmt: skip
        records = filled.grants(
            10**6,
            active=False,
            period=period,
            now=NOON + 40 * DAY * 10**9,
            **filters,  # type: ignore[arg-type]
        )
        expected = usage(holders_of(records, period), known={"gpu-01": ("0", "1", "2")})
        assert records
        assert usage_list(filled, period, NOW, hosts=HOSTS, **filters).items == expected  # type: ignore[arg-type]


def test_grants_that_were_held_in_a_period_are_found_by_its_first_day(filled: Store) -> None:
    with filled.database.reading() as connection:
        for period in periods():
            for host in (None, "gpu-01", ""):
                hosts = None if host is None else [host]
                found = held_grants(connection, period, NOW, hosts=hosts, most=10**6)
                assert found == filled.grants(
                    10**6, active=False, period=period, host=host, now=NOON + 40 * DAY * 10**9
                )
                newest = held_grants(connection, period, NOW, hosts=hosts, most=2)
                assert newest == found[:2]


def test_a_summary_follows_the_first_event_of_another_day(empty_log: Path, tmp_path: Path) -> None:
    store = open_store(str(shutil.copy(empty_log, tmp_path / "audit.db")))

    def stored() -> list[tuple[str, str]]:
        with store.database.reading() as connection:
            rows = connection.execute(select(grant_summaries.grant_summaries)).all()
        return [(row.since[:10], row.until[:10]) for row in rows]

    store.append_event("start", {}, now=NOON)
    store.append_decision(*pair("d1", seconds=DAY))
    store.append_decision(*pair("d2", seconds=DAY + 60))
    assert stored() == []
    store.append_event("stop", {}, now=NOON + 2 * DAY * 10**9)
    assert stored() == [("2026-11-24", "2026-11-25")]
    store.append_event("start", {}, now=NOON + 6 * DAY * 10**9)
    assert stored() == [("2026-11-24", "2026-11-25"), ("2026-11-25", "2026-11-29")]
    assert store.verify().problems == ()
    with store.database.reading() as connection:
        ((holder, held),) = holders(connection, Period("", at(6 * DAY))).items()
    assert (holder.repository, holder.devices, held.grants) == ("acme/train", ("0", "1"), 2)
    begin, end = NOON + DAY * 10**9, NOON + 6 * DAY * 10**9
    assert held.times == [begin, end]
    store.close()


def test_an_upgraded_log_has_the_summaries_of_its_days(filled: Store, path: Path) -> None:
    with filled.database.writing() as connection:
        before = connection.execute(select(grant_summaries.grant_summaries)).all()
        connection.execute(text("DROP TABLE grant_summaries"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0016'"))
    upgraded = open_store(str(path))
    try:
        assert upgraded.verify().problems == ()
        with upgraded.database.reading() as connection:
            after = connection.execute(select(grant_summaries.grant_summaries)).all()
        assert after[-1].until == before[-1].until
        compare_usage(upgraded)
    finally:
        upgraded.close()


def test_verification_finds_summaries_that_were_changed(filled: Store) -> None:
    table = grant_summaries.grant_summaries
    with filled.database.reading() as connection:
        rows = connection.execute(select(table).order_by(table.c.since)).all()
    third, last, newest = rows[2], rows[-1], filled.events(1)[0].sequence
    named = f"event {newest}: the summary of grants from {third.since[:10]} until "

    def found(change: Any) -> str:
        with filled.database.writing() as connection:
            connection.execute(change)
        (problem,) = filled.verify().problems
        with filled.database.writing() as connection:
            connection.execute(delete(table))
            connection.execute(table.insert(), [row._asdict() for row in rows])
        return str(problem)

    of_third = update(table).where(table.c.since == third.since)
    differs = f"{named}{third.until[:10]} differs from the table of grants"
    assert found(of_third.values(content=zlib.compress(b"[]"))) == differs
    assert found(of_third.values(content=b"x")).startswith(
        f"{named}{third.until[:10]}: a summary of grants in the audit log is damaged: "
    )
    assert found(delete(table).where(table.c.since == third.since)) == (
        f"event {newest}: the summary of grants from {rows[3].since[:10]} until "
        f"{rows[3].until[:10]} does not follow the previous one"
    )
    assert found(delete(table).where(table.c.since == last.since)) == (
        f"event {newest}: the summary of grants from {last.since[:10]} until {last.until[:10]} "
        "is missing"
    )
    assert filled.verify().problems == ()


def test_a_damaged_summary_is_reported(filled: Store) -> None:
    with filled.database.writing() as connection:
        connection.execute(update(grant_summaries.grant_summaries).values(content=b"x"))
    with pytest.raises(AuditError, match=r"^a summary of grants in the audit log is damaged: "):
        usage_list(filled, Period("", NOW), NOW, hosts=HOSTS)


def test_usage_without_summaries_is_the_same(filled: Store) -> None:
    with filled.database.writing() as connection:
        connection.execute(delete(grant_summaries.grant_summaries))
    compare_usage(filled)
