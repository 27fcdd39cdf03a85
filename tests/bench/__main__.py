"""`make bench`: measure policyd and print two tables, one beside others. Nothing is asserted."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench import decision, governance, growth, loader, peers
from tests.bench.load import post, send_all
from tests.bench.processes import environment, serving_policyd
from tests.bench.projects import project, write_projects

COLD_RUNS = 15
MANY = 1_000
REQUESTS = 3_000
CONNECTIONS = 16

Row = tuple[str, str, str]


def main() -> None:
    """Measure and print."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        folder = Path(name)
        paths = write_projects(folder / "projects", MANY)
        for measure in (
            loader.rows,
            decision.rows,
            governance.rows,
            growth.rows,
            lambda: cold_check(paths[0]),
            lambda: many_checks(paths),
            lambda: webhook(folder),
        ):
            rows += measure()
    print(f"\n{platform.python_version()} on {os.cpu_count()} cores of {platform.machine()}\n")
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    print()
    peers.main()


def cold_check(path: str) -> list[Row]:
    """Measure one `policyd check` of an 8-service project, each in a new process."""
    bare = _seconds(lambda: _run([sys.executable, "-c", ""]))
    check = _seconds(lambda: _run(["policyd", "check", path]))
    return [
        ("policyd check, 8 services, cold", f"{check[0] * 1000:.0f} ms", f"median of {COLD_RUNS}"),
        ("  of that, Python itself", f"{bare[0] * 1000:.0f} ms", "python -c ''"),
    ]


def many_checks(paths: list[str]) -> list[Row]:
    """Measure one `policyd check` of many projects, on all cores."""
    start = time.perf_counter()
    done = _run(["policyd", "check", "--format", "json", *paths])
    took = time.perf_counter() - start
    decided = len(json.loads(done.stdout)["decisions"])
    return [(f"policyd check, {decided:,} such projects", f"{took:.2f} s", "one call, all cores")]


def webhook(folder: Path) -> list[Row]:
    """Measure reviews a second, two workers, each decision on disk before its answer."""
    requests = []
    for number in range(REQUESTS):
        body = {
            "apiVersion": "policyd/v1",
            "kind": "ComposeReview",
            "request": {
                "uid": str(number),
                "operation": "CREATE",
                "source": {"repository": f"acme/shop-{number}", "environment": "prod"},
                "project": {"name": f"shop-{number}", "files": {"compose.yaml": project(number)}},
            },
        }
        requests.append(post("/v1/review", "application/json", json.dumps(body).encode()))
    with serving_policyd(folder) as server:
        send_all(server.address, requests[:CONNECTIONS], CONNECTIONS)
        statuses, times, took = send_all(server.address, requests, CONNECTIONS)
    said = ", ".join(f"{count} × {status}" for status, count in sorted(statuses.items()))
    return [
        (
            "webhook, distinct projects, durable audit",
            f"{len(times) / took:.0f}/s",
            f"2 workers, {CONNECTIONS} connections, {said}",
        ),
        ("  time of a request, median", f"{statistics.median(times) * 1000:.1f} ms", ""),
        ("  time of a request, 99th in 100", f"{times[len(times) * 99 // 100] * 1000:.1f} ms", ""),
    ]


def _seconds(call: Callable[[], object]) -> tuple[float, float]:
    times = []
    for _ in range(COLD_RUNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times), min(times)


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(command, capture_output=True, check=False, env=environment())
    if done.returncode > 1:
        raise SystemExit(f"{' '.join(command[:3])} failed: {done.stderr.decode(errors='replace')}")
    return done


if __name__ == "__main__":
    main()
