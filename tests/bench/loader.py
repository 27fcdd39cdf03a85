"""Measure the loader against compose-go: the same projects, in process, in one run.

    python -m tests.bench.loader

Prints a table: the milliseconds of one load by both, in processor time and by the clock, and their
ratio. Processor time counts, since the garbage collector of compose-go uses other cores. The two
programs take turns, and the best round of each counts. Nothing is asserted. Without Go only policyd
is measured.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import yaml

from policyd.bundle import directory_bundle
from policyd.compose import load
from tests.conformance.oracle import build

SIZES = (8, 50, 1_000)
ROUNDS = 5
ROUND_MILLISECONDS = 400

Row = tuple[str, str, str]

_HEAD = """\
name: shop

x-service: &service
  restart: unless-stopped
  logging:
    driver: json-file
    options:
      max-size: 10m
      max-file: "3"
  labels: {team: shop}
"""

_SERVICE = """\
  service-{number}:
    <<: *service
    image: ghcr.io/acme/service-{number}:${{TAG:-1.{number}.0}}
    environment:
      DATABASE_URL: postgres://shop@db-{number}/shop
      LOG_LEVEL: ${{LOG_LEVEL:-info}}
    ports: ["127.0.0.1:{port}:8080"]
    volumes:
      - data-{number}:/var/lib/service
      - ./config/{number}:/etc/service:ro
    depends_on: [{before}]
    healthcheck:
      test: ["CMD", "curl", "-f", "http://localhost:8080/healthz"]
      interval: 30s
    deploy:
      resources: {{limits: {{cpus: "0.5", memory: 512M}}}}
    networks: [backend]
"""

_HOOK = """\
    pre_start:
      - command: ["migrate", "--service", "{number}"]
        environment: [STEP=migrate]
"""

_JOB = """\
  job-{number}:
    image: ghcr.io/acme/job-{number}:${{TAG:-1.{number}.0}}
    command: ["backup", "--all"]
    environment: {{DATABASE_URL: postgres://shop@db-{number}/shop}}
    triggers: {{manual: true, schedule: ["0 3 * * *"]}}
    networks: [backend]
"""


def project(services: int) -> str:
    """Return the Compose file of a project of that many services.

    Every fourth service has a `pre_start` hook, and there is one job for each eight services.
    """
    parts = [_HEAD, "\nservices:\n"]
    for number in range(services):
        before = f"service-{number - 1}" if number % 8 else ""
        parts.append(_SERVICE.format(number=number, port=10_000 + number, before=before))
        if number % 4 == 0:
            parts.append(_HOOK.format(number=number))
    parts.append("\njobs:\n")
    parts += [_JOB.format(number=number) for number in range(0, services, 8)]
    parts.append("\nnetworks:\n  backend:\n    driver: bridge\n\nvolumes:\n")
    parts += [f"  data-{number}:\n" for number in range(services)]
    return "".join(parts)


@dataclass(frozen=True)
class Times:
    """Mean milliseconds of one load: by the clock, and of processor time of all threads."""

    clock: float
    processor: float


@dataclass(frozen=True)
class Measurement:
    """The best rounds of policyd and of compose-go (None without Go) on one project."""

    services: int
    lines: int
    policyd: Times
    compose_go: Times | None

    @property
    def ratio(self) -> float:
        """How many times the processor time of policyd compose-go takes; 0 without Go."""
        return self.compose_go.processor / self.policyd.processor if self.compose_go else 0.0


def measurements() -> list[Measurement]:
    """Return one measurement for each of SIZES."""
    found = []
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        for size in SIZES:
            path = Path(name) / str(size) / "compose.yaml"
            path.parent.mkdir()
            path.write_text(project(size))
            found.append(_measure(size, path))
    return found


def rows() -> list[Row]:
    """Return the rows for `make bench`: what was measured, the time, the comparison."""
    found = []
    for one in measurements():
        beside = f"{one.policyd.processor / one.services * 1000:.0f} µs of processor time a service"
        if one.compose_go:
            beside += f"; compose-go {one.compose_go.processor:.2f} ms, {one.ratio:.1f} times"
        what = f"load, {one.services:,} services, {one.lines:,} lines"
        found.append((what, f"{one.policyd.processor:.2f} ms", beside))
    parse = _mean(lambda: list(yaml.parse(project(SIZES[0]), yaml.CLoader)), 100)
    found.append(
        ("  libyaml's events of 8 services", f"{parse.clock:.2f} ms", "PyYAML, from Python")
    )
    return found


def main() -> None:
    """Measure and print a table."""
    print("milliseconds of one load        processor time                     clock")
    print("services    lines     policyd  compose-go   ratio     policyd  compose-go")
    for one in measurements():
        print(f"{one.services:8,} {one.lines:8,}  {one.policyd.processor:10.2f}", end="")
        if one.compose_go:
            print(f"  {one.compose_go.processor:10.2f} {one.ratio:7.1f}", end="")
            print(f"  {one.policyd.clock:10.2f}  {one.compose_go.clock:10.2f}")
        else:
            print(f"           -       -  {one.policyd.clock:10.2f}           -")


def _measure(size: int, path: Path) -> Measurement:
    """Measure both loaders in turns and take the best round of each."""

    def once() -> None:
        load(directory_bundle(str(path.parent), [str(path)], profiles=["*"]))

    count = max(1, int(ROUND_MILLISECONDS / _mean(once, 1).clock))
    ours: list[Times] = []
    theirs: list[Times | None] = []
    for _ in range(ROUNDS):
        ours.append(_mean(once, count))
        theirs.append(_compose_go(path, max(1, count // 6)))
    lines = project(size).count("\n")
    measured = [one for one in theirs if one]
    return Measurement(size, lines, _best(ours), _best(measured) if measured else None)


def _best(rounds: list[Times]) -> Times:
    return Times(min(one.clock for one in rounds), min(one.processor for one in rounds))


def _mean(call: Callable[[], object], count: int) -> Times:
    """Return the mean times of `count` calls."""
    started, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        call()
    clock, used = time.perf_counter() - started, time.process_time() - used
    return Times(clock / count * 1000, used / count * 1000)


def _compose_go(path: Path, count: int) -> Times | None:
    """Return the mean times of `count` loads by compose-go; None without Go."""
    try:
        binary = build()
    except FileNotFoundError:
        return None
    done = subprocess.run(
        [binary, "-bench", str(count), str(path)], capture_output=True, text=True, check=True
    )
    clock, used = done.stdout.split()[-2:]
    return Times(float(clock), float(used))


if __name__ == "__main__":
    main()
