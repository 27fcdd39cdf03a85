"""Measure an audit log with a long, made-up history.

    python -m tests.bench.history [EVENTS [FOLDER]]

Writes EVENTS decisions in bulk (default 1,000,000: 50 hosts of 8 GPUs, 400 projects, two years)
with their chain into a SQLite file in FOLDER (default: a temporary one), grows the tree of hashes,
and prints the median times of queries of the store and over HTTP, the time to verify the log, and
the share of the tree in the processor time of a review. Nothing is asserted.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import structlog

from policyd.audit import tree
from policyd.audit.event import rfc3339
from policyd.audit.moments import Period
from policyd.audit.store import Store, open_store
from policyd.bootstrap import admission_for, configured_policy_set
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.model import Review, Source
from policyd.services import FixedRules, Services
from policyd.web.app import create_app
from tests.bench.long_log import BEGIN, TWO_YEARS, fill, summarize
from tests.bench.projects import project

ROUNDS: Final = 15
REVIEWS: Final = 100
LINES: Final = (
    "grants",
    "grants?host=host-07",
    "grants?host=host-07&gpu=3",
    "grants?active=false",
    "grants?at=2026-03-15",
    "grants?host=host-07&gpu=3&since=2026-03-01&until=2026-04-01",
    "grants?user=user-3&since=2026-03-01&until=2026-04-01",
    "grants?repository=team-3/project-3&active=false",
    "grants?exception=rare&active=false",
    "grants?environment=prod&project=project-3&active=false",
    "decisions",
    "decisions?host=host-07",
    "decisions?repository=team-3/project-3",
    "decisions?user=user-3&since=2026-03-01&until=2026-04-01",
    "decisions?exception=rare",
    "decisions?host=host-07&gpu=3&since=2026-03-01&until=2026-04-01",
    "grants?gpu=3",
    "grants?gpu=3&active=false",
    "grants?environment=none&active=false",
    "decisions?project=project-3",
    "decisions?allowed=false",
    "decisions?commit=none",
    "decisions?environment=none",
    "decisions?enforcementPoint=registry",
    "decisions?policy=max-gpus",
    "decisions?policy=none",
    "decisions?gpu=3",
    "decisions?host=host-07&user=user-7",
    "decisions?host=host-07&user=user-3",
)
"""What is asked over HTTP."""

Row = tuple[str, str, str]


def main() -> None:
    """Measure and print."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="policyd-history-") as folder:
        place = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder)
        for what, how_much, found in rows(place / "audit.db", events):
            print(f"{what:72} {how_much:>24}  {found}", flush=True)


def rows(path: Path, events: int) -> Iterator[Row]:
    """Yield what was measured, a row each: what, how long it took, what it found.

    A log that is there already is measured as it is.
    """
    is_new = not path.exists()
    store = open_store(str(path))
    try:
        if is_new:
            yield _once(f"write {events:,} events in bulk", lambda: fill(path, events))
            yield _once("grow the tree of hashes over them", lambda: _grow(store))
            yield _once("summarize the grants of past days", lambda: _summarize(store))
            size = path.stat().st_size
            yield "size of the database", f"{size / 2**30:.2f} GiB", f"{size // events} B an event"
        for name, query in _queries(store):
            yield (name, *_median(query))
        yield from _over_http(store)
        yield from _appending(store)
        yield _once("verify", lambda: f"{len(store.verify().problems)} problems")
    finally:
        store.close()


def _grow(store: Store) -> str:
    with store.database.writing() as connection:
        return f"{tree.grow(connection).size:,} leaves"


def _summarize(store: Store) -> str:
    with store.database.writing() as connection:
        summarize(connection)
    return ""


def _queries(store: Store) -> Iterator[tuple[str, Callable[[], Any]]]:
    middle = rfc3339(BEGIN + TWO_YEARS // 2)
    march = Period("2026-03-01T00:00:00.000000000Z", "2026-04-01T00:00:00.000000000Z")
    now = BEGIN + TWO_YEARS
    yield "grants at a time", lambda: store.grants(active=False, at=middle)
    yield (
        "grants at a time on a host",
        lambda: store.grants(active=False, at=middle, host="host-07"),
    )
    yield "grants, double-booked now", lambda: store.grants(double_booked=True, now=now)
    yield "decisions in March", lambda: store.decisions(period=march)
    yield (
        "decisions on a host until March",
        lambda: store.decisions(host="host-07", period=Period("", march.since)),
    )
    yield "events other than decisions", lambda: store.events(kinds=("start", "stop"))


def _over_http(store: Store) -> Iterator[Row]:
    settings = Settings()
    admission = admission_for(configured_policy_set(settings), settings)
    services = Services(settings, FixedRules(admission), store, lambda: BEGIN + TWO_YEARS)
    client = create_app(services).test_client()

    def ask(line: str) -> Any:
        answer = client.get(f"/v1/{line}")
        assert answer.status_code == 200, answer.data
        return answer.json["items"]

    for line in LINES:
        yield (f"GET /v1/{line}", *_median(lambda line=line: ask(line)))
    admission.engine.close()


def _appending(store: Store) -> Iterator[Row]:
    """Yield the share of the tree in the processor time of reviews of distinct projects."""
    settings = Settings()
    admission = admission_for(configured_policy_set(settings), settings)
    services = Services(settings, FixedRules(admission), store)
    in_tree = 0.0
    append, entry = tree.append, tree.entry

    def timed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            nonlocal in_tree
            started = time.thread_time()
            try:
                return function(*arguments)
            finally:
                in_tree += time.thread_time() - started

        return call

    tree.append, tree.entry = timed(append), timed(entry)
    begin = time.time_ns()
    total = 0.0
    for number in range(REVIEWS + 10):
        if number == 10:  # the first reviews warm up
            in_tree, total = 0.0, time.process_time()
        review = Review(
            f"u-{number}", "ci", begin, "CREATE", source=Source(f"bench/{number}", host="host-07")
        )
        services.decide(memory_bundle({"compose.yaml": project(number).encode()}), review)
    total = time.process_time() - total
    tree.append, tree.entry = append, entry
    admission.engine.close()
    each = f"{total / REVIEWS * 1000:.2f} ms CPU"
    yield "a review of a distinct project of 8 services, recorded", each, f"mean of {REVIEWS}"
    share = f"{in_tree / total:.1%} of it"
    yield "  of that, the tree of hashes", f"{in_tree / REVIEWS * 1000:.2f} ms CPU", share


def _once(what: str, do: Callable[[], Any]) -> Row:
    wall, processor = time.perf_counter(), time.process_time()
    found = do()
    processor = time.process_time() - processor
    return what, f"{processor:.1f} s CPU", f"{found or ''} {time.perf_counter() - wall:.1f} s"


def _median(query: Callable[[], Any]) -> tuple[str, str]:
    walls, processors = [], []
    found: Any = ()
    for _ in range(ROUNDS):
        wall, processor = time.perf_counter(), time.process_time()
        found = query()
        processors.append(time.process_time() - processor)
        walls.append(time.perf_counter() - wall)
    times = (statistics.median(some) * 1000 for some in (processors, walls))
    return "{:.1f} ms CPU, {:.1f} ms".format(*times), f"{len(found)} found"


if __name__ == "__main__":
    main()
