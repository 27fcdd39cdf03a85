"""Measure what a review costs a service: processor time, and bytes in the audit log.

    python -m tests.bench.capacity [postgresql://…/EMPTY_DATABASE]

Prints two tables for docs/operations.md: for distinct projects and for repeated ones, on SQLite and
on the database at the URL. Processor time is that of the webhook with its workers and evaluators;
the one of PostgreSQL is not in it. Nothing is asserted.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from sqlalchemy import text

from policyd.audit.database import open_for_reading
from tests.bench.load import post, send_all
from tests.bench.processes import serving_policyd
from tests.bench.projects import project

REVIEWS: Final = 1_000
WARM: Final = 100
REPEATED: Final = 20
"""Projects that are reviewed again and again."""
CONNECTIONS: Final = 8
DAY: Final = 86_400
LOAD: Final = 0.5
"""The part of the processor time that a service should use at most, so that peaks fit."""
CORES: Final = (1, 2, 4)
GIGABYTE: Final = 1_000_000_000


class Cost(NamedTuple):
    """The cost of one review: processor seconds and bytes."""

    what: str
    seconds: float
    size: float


def main() -> None:
    """Measure and print."""
    urls = ["", *sys.argv[1:]]
    costs = [cost for url in urls for cost in _costs(url)]
    print(f"| Reviews a day | {' | '.join(f'{cores} cores' for cores in CORES)} |")
    print("|---|" + "---|" * len(CORES))
    for cost in costs:
        each = (f"{DAY * LOAD * cores / cost.seconds:,.0f}" for cores in CORES)
        print(f"| {cost.what}: {cost.seconds * 1000:.1f} ms | {' | '.join(each)} |")
    print("\n| Audit log | bytes of an event | events of a gigabyte |\n|---|---|---|")
    for cost in costs:
        print(f"| {cost.what} | {cost.size:,.0f} | {GIGABYTE / cost.size:,.0f} |")


def _costs(url: str) -> list[Cost]:
    with tempfile.TemporaryDirectory(prefix="policyd-capacity-") as name:
        folder = Path(name)
        where = url or str(folder / "audit.db")
        store = "PostgreSQL" if url else "SQLite"
        with serving_policyd(folder, "--audit", where) as server:

            def measure(what: str, requests: Sequence[bytes]) -> Cost:
                before = server.processor_seconds(), _size(where)
                statuses, *_ = send_all(server.address, requests, CONNECTIONS)
                assert statuses == {"200": len(requests)}, statuses
                seconds = server.processor_seconds() - before[0]
                size = _size(where) - before[1]
                return Cost(f"{store}, {what}", seconds / len(requests), size / len(requests))

            send_all(server.address, _requests(lambda n: REVIEWS + n, WARM), CONNECTIONS)
            distinct = measure("distinct projects", _requests(lambda n: n, REVIEWS))
            repeated = measure("repeated projects", _requests(lambda n: n % REPEATED, REVIEWS))
            return [distinct, repeated]


def _requests(number_of: Callable[[int], int], reviews: int) -> list[bytes]:
    """Return `reviews` requests, each about the project of the number that `number_of` returns."""
    return [_request(number_of(number)) for number in range(reviews)]


def _request(number: int) -> bytes:
    request = {
        "operation": "CREATE",
        "source": {"repository": f"acme/shop-{number}", "environment": "prod", "host": "gpu-01"},
        "project": {"name": f"shop-{number}", "files": {"compose.yaml": project(number)}},
    }
    body = {"apiVersion": "policyd/v1", "kind": "ComposeReview", "request": request}
    return post("/v1/review", "application/json", json.dumps(body).encode())


def _size(url: str) -> int:
    """Return the bytes of the database at `url`, without its write-ahead log."""
    opened = open_for_reading(url)
    try:
        with opened.reading() as connection:
            if opened.dialect == "sqlite":
                pages = connection.execute(text("PRAGMA page_count")).scalar_one()
                return int(pages) * int(connection.execute(text("PRAGMA page_size")).scalar_one())
            return int(
                connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
            )
    finally:
        opened.close()


if __name__ == "__main__":
    main()
