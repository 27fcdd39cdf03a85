"""Measure the pages of the console on a log with a long, made-up history.

    python -m tests.bench.console [EVENTS [FOLDER]]

Writes EVENTS decisions (default 1,000,000: 50 hosts of 8 GPUs, 400 projects, two years) in FOLDER
(default: a temporary one), or measures the log that is there. Prints for each page the median
processor time and time by the clock until the answer is complete, and its size before and after
gzip; then how many reviews a second two workers answer, with and without 20 browsers that poll the
list of decisions every 5 seconds. Nothing is asserted.
"""

from __future__ import annotations

import gzip
import http.client
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import structlog

from policyd.audit import tree
from policyd.audit.store import Store, open_store
from policyd.bootstrap import admission_for
from policyd.config import Settings
from policyd.policies.policy_set import load_policy_set
from policyd.services import FixedRules, Services
from policyd.web.app import create_app
from tests.bench.capacity import CONNECTIONS
from tests.bench.load import post, send_all
from tests.bench.long_log import BEGIN, HOSTS, TWO_YEARS, fill, summarize
from tests.bench.processes import Server, serving_policyd
from tests.bench.projects import project

ROUNDS: Final = 9
PAGES: Final = (
    "",
    "decisions",
    "decisions?verdict=denied",
    "decisions?repository=team-3/project-3",
    "decisions?policy=max-gpus",
    "decisions?host=host-07&user=user-7",
    "decisions/{newest}",
    "projects",
    "gpus",
    "gpus?host=host-07",
    "gpus/hours",
    "policies",
    "policies/max-gpus",
    "exceptions",
    "playground",
    "audit",
    "hooks",
)
"""What is asked for below /console/."""
REVIEWS: Final = 600
BROWSERS: Final = 20
POLLING_INTERVAL: Final = 5.0
"""Seconds between two requests of a browser."""

_POLICY_SET: Final = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: acme}
spec: {packs: [gpu, container, governance], data: [data.yaml]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: few}
spec: {policy: max-gpus, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: no-all-gpus}
spec: {policy: no-all-gpus, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: rare}
spec:
  policies: [max-gpus]
  match: {repositories: [team-3/**]}
  expires: 2027-01-31T00:00:00Z
  owner: ml
  reason: A measurement
  approvedBy: ops@acme.example
"""
_HOST: Final = "{driver_version: '580', cuda_version: '13.0', gpus: [%s]}"


def main() -> None:
    """Measure and print."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory(prefix="policyd-console-") as temporary:
        folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(temporary)
        rules = _write_rules(folder)
        store = _log(folder / "audit.db", events)
        try:
            measure_pages(store, rules)
        finally:
            store.close()
        measure_reviews(folder, rules)


def measure_pages(store: Store, rules: Path) -> None:
    """Print the costs and the sizes of each page."""
    settings = Settings(audit=store.name)
    admission = admission_for(load_policy_set(rules), settings)
    services = Services(settings, FixedRules(admission), store, lambda: BEGIN + TWO_YEARS)
    client = create_app(services).test_client()
    print(f"{'page':44} {'status':>6} {'ms CPU':>7} {'ms':>7} {'bytes':>8} {'gzip':>7}")
    newest = str(json.loads(store.decisions(1)[0].payload)["decision_id"])
    for page in (page.format(newest=newest) for page in PAGES):
        status, processor, wall, body = _median(lambda page=page: client.get(f"/console/{page}"))
        sizes = f"{len(body):8,} {len(gzip.compress(body, 6)):7,}"
        print(f"/console/{page:35} {status:6} {processor:7.1f} {wall:7.1f} {sizes}", flush=True)
    admission.engine.close()


def measure_reviews(folder: Path, rules: Path) -> None:
    """Print the reviews a second and their cost, with and without browsers that look on."""
    with serving_policyd(folder, "--policy-set", str(rules)) as server:
        _reviews(server, 0)
        for browsers in (0, BROWSERS, 0, BROWSERS):
            with _looking_on(server, browsers) as pages:
                rate, processor, slow = _reviews(server, 1 + time.time_ns())
            print(
                f"{browsers:2} browsers: {rate:6.1f} reviews/s, {processor * 1000:5.2f} ms CPU of "
                f"the server for each, 95 % within {slow * 1000:.0f} ms, {len(pages)} pages",
                flush=True,
            )


def _reviews(server: Server, first: int) -> tuple[float, float, float]:
    """Return the reviews a second, the processor seconds of each and the 95th percentile."""
    requests = [_review(first, number) for number in range(REVIEWS)]
    before = server.processor_seconds()
    statuses, times, seconds = send_all(server.address, requests, CONNECTIONS)
    assert statuses == {"200": REVIEWS}, statuses
    processor = server.processor_seconds() - before
    return REVIEWS / seconds, processor / REVIEWS, times[int(REVIEWS * 0.95)]


def _review(run: int, number: int) -> bytes:
    source = {"repository": f"team-1/shop-{number}", "environment": "prod", "host": "host-01"}
    files = {"compose.yaml": f"# {run}\n{project(number)}"}
    request = {"operation": "CHECK", "source": source, "project": {"files": files}}
    body = {"apiVersion": "policyd/v1", "kind": "ComposeReview", "request": request}
    return post("/v1/review", "application/json", json.dumps(body).encode())


@contextmanager
def _looking_on(server: Server, browsers: int) -> Iterator[list[int]]:
    """Let `browsers` poll while the context is open; yield the sizes of the pages they got."""
    is_over, sizes = threading.Event(), list[int]()
    threads = [
        threading.Thread(target=_browse, args=(server, number, is_over, sizes))
        for number in range(browsers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield sizes
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def _browse(server: Server, number: int, is_over: threading.Event, sizes: list[int]) -> None:
    connection = http.client.HTTPConnection(*server.address, timeout=60)
    wait = number * POLLING_INTERVAL / BROWSERS  # browsers do not start at the same time
    while not is_over.wait(wait):
        connection.request("GET", "/console/decisions")
        answer = connection.getresponse()
        assert answer.status == 200, answer.status
        sizes.append(len(answer.read()))
        wait = POLLING_INTERVAL
    connection.close()


def _median(ask: Any) -> tuple[int, float, float, bytes]:
    """Return the status, the median milliseconds of processor and clock, and the body."""
    walls, processors = [], []
    for _ in range(ROUNDS):
        wall, processor = time.perf_counter(), time.process_time()
        answer = ask()
        body = answer.data
        processors.append(time.process_time() - processor)
        walls.append(time.perf_counter() - wall)
    return (
        answer.status_code,
        statistics.median(processors) * 1000,
        statistics.median(walls) * 1000,
        body,
    )


def _log(path: Path, events: int) -> Store:
    """Return the log at `path`, which is written if there is none."""
    is_new = not path.exists()
    store = open_store(str(path))
    if is_new:
        fill(path, events)
        with store.database.writing() as connection:
            tree.grow(connection)
            summarize(connection)
    return store


def _write_rules(folder: Path) -> Path:
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    (rules / "policyset.yaml").write_text(_POLICY_SET)
    hosts = "".join(f"      host-{number:02}: {_HOST % _gpus(number)}\n" for number in range(HOSTS))
    (rules / "data.yaml").write_text(f"policyd:\n  inventory:\n    hosts:\n{hosts}")
    return rules


def _gpus(host: int) -> str:
    return ", ".join(
        f"{{index: {gpu}, uuid: GPU-{gpu:08x}-{host:04x}-4000-8000-000000000000}}"
        for gpu in range(8)
    )


if __name__ == "__main__":
    main()
