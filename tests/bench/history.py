"""Measure queries of an audit log with a long, made-up history.

    python -m tests.bench.history [EVENTS]

Writes the tables of EVENTS decisions in bulk (default 1,000,000: 50 hosts of 8 GPUs, 400 projects,
two years) into a SQLite file in a temporary folder, and prints the median time of each query. The
payloads are short and the hashes made up, so the log does not verify. Nothing is asserted.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from policyd.audit.event import rfc3339
from policyd.audit.moments import Period
from policyd.audit.store import Store, open_store

BEGIN: Final = 1_735_689_600_000_000_000
"""2025-01-01, in nanoseconds."""
TWO_YEARS: Final = 2 * 365 * 86_400 * 1_000_000_000
PROJECTS: Final = 400
HOSTS: Final = 50
ROUNDS: Final = 15
_ROWS_AT_ONCE: Final = 20_000

Row = tuple[str, str, str]


def rows(events: int = 1_000_000) -> list[Row]:
    """Return what was measured, a row each: what, the median time, the number of rows found."""
    with tempfile.TemporaryDirectory(prefix="policyd-history-") as folder:
        path = Path(folder) / "audit.db"
        store = open_store(str(path))
        try:
            _fill(path, events)
            return [
                (f"{name}, {events:,} events", *_median(query)) for name, query in _queries(store)
            ]
        finally:
            store.close()


def main() -> None:
    """Measure and print."""
    for what, how_much, found in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        print(f"{what:62} {how_much:>11}  {found}")


def _queries(store: Store) -> Iterator[tuple[str, Callable[[], Any]]]:
    middle = rfc3339(BEGIN + TWO_YEARS // 2)
    march = Period("2026-03-01T00:00:00.000000000Z", "2026-04-01T00:00:00.000000000Z")
    now = BEGIN + TWO_YEARS
    yield "grants, held now", lambda: store.grants(now=now)
    yield "grants, held now on a host", lambda: store.grants(host="host-07", now=now)
    yield (
        "grants, held now of a GPU of a host",
        lambda: store.grants(host="host-07", gpu="3", now=now),
    )
    yield "grants, at a time", lambda: store.grants(active=False, at=middle)
    yield (
        "grants, at a time on a host",
        lambda: store.grants(active=False, at=middle, host="host-07"),
    )
    yield (
        "grants, of a GPU of a host in March",
        lambda: store.grants(active=False, period=march, host="host-07", gpu="3"),
    )
    yield (
        "grants, of a repository in March",
        lambda: store.grants(active=False, period=march, repository="team-3/project-3"),
    )
    yield (
        "grants, of a user in March",
        lambda: store.grants(active=False, period=march, username="user-3"),
    )
    yield "grants, by a rare exception", lambda: store.grants(active=False, exception="rare")
    yield "grants, double-booked now", lambda: store.grants(double_booked=True, now=now)
    yield "decisions, newest", lambda: store.decisions()
    yield "decisions, in March", lambda: store.decisions(period=march)
    yield (
        "decisions, on a host until March",
        lambda: store.decisions(host="host-07", period=Period("", march.since)),
    )
    yield "decisions, of a repository", lambda: store.decisions(repository="team-3/project-3")
    yield "decisions, by a rare exception", lambda: store.decisions(exception="rare")
    yield "decisions, of a user in March", lambda: store.decisions(username="user-3", period=march)
    yield (
        "decisions, of a GPU of a host in March",
        lambda: store.decisions(gpu="3", host="host-07", period=march),
    )
    yield "events, other than decisions", lambda: store.events(kinds=("start", "stop"))


def _median(query: Callable[[], Any]) -> tuple[str, str]:
    times = []
    found: Any = ()
    for _ in range(ROUNDS):
        started = time.perf_counter()
        found = query()
        times.append(time.perf_counter() - started)
    return f"{statistics.median(times) * 1000:.1f} ms", f"{len(found)} found"


def _fill(path: Path, events: int) -> None:
    """Write a history in which each project deploys again and again, and its last grant is held."""
    step = TWO_YEARS // events
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA synchronous = OFF")
        for start in range(1, events + 1, _ROWS_AT_ONCE):
            batch = range(start, min(start + _ROWS_AT_ONCE, events + 1))
            made = [_event(number, step, events) for number in batch]
            _insert(connection, "events", [event for event, _, _ in made])
            _insert(connection, "grants", [grant for _, grant, _ in made])
            _insert(connection, "grant_devices", [device for _, _, device in made])
        uses = [
            {"exception": "rare", "policy_set": "p", "sequence": number}
            for number in range(1, events, events // 20)
        ]
        _insert(connection, "exception_uses", uses)


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = tuple(rows[0])
    places = ", ".join(f":{name}" for name in names)
    connection.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", rows)


def _event(number: int, step: int, events: int) -> tuple[dict[str, Any], ...]:
    project = number % PROJECTS
    host, gpu = f"host-{project % HOSTS:02}", str(project // HOSTS)
    when = rfc3339(BEGIN + number * step)
    following = number + PROJECTS
    decision, place = f"d{number}", {
        "repository": f"team-{project % 20}/project-{project}",
        "environment": "prod",
        "project": f"project-{project}",
        "host": host,
        "username": f"user-{project % 100}",
    }  # fmt: skip
    event = {
        "sequence": number, "time": when, "kind": "decision", "payload": "{}", "prev_hash": "",
        "hash": "", "decision_id": decision, "allowed": True, "enforcement_point": "ci",
        "commit_id": "", "policies": " ", **place,
    }  # fmt: skip
    rare = number % (events // 20) == 1
    grant = {
        "sequence": number, "position": 0, "decision_id": decision, "time": when, **place,
        "service": "train", "vendor": "nvidia", "method": "gpus", "devices": f'["{gpu}"]',
        "replicas": 1, "policy_set": "p", "revision": "r",
        "state": "active" if following > events else "superseded",
        "ended": "" if following > events else rfc3339(BEGIN + following * step),
        "kind": "service", "schedule": "[]", "certainty": "certain", "identities": f'["{gpu}"]',
        "aliases": "{}", "exceptions": '["rare"]' if rare else "[]",
    }  # fmt: skip
    return event, grant, {"sequence": number, "position": 0, "name": gpu}


if __name__ == "__main__":
    main()
