"""Measure the loader against compose-go: the same projects, in process, in one run.

    python -m tests.bench.loader

Prints the milliseconds of one load by both, their ratio, and how they grow with the services: by
the clock, and in processor time, since the garbage collector of compose-go has other cores.
Nothing is asserted. Needs Go for the comparison; without it only policyd is measured.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from policyd.bundle import directory_bundle
from policyd.compose import load
from tests.conformance.oracle import build

SIZES = (8, 50, 200, 1_000)
ROUNDS = 7
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


def project(services: int) -> str:
    """Return the Compose file of a project of that many services; 8 take 162 lines."""
    parts = [_HEAD, "\nservices:\n"]
    for number in range(services):
        before = f"service-{number - 1}" if number % 8 else ""
        parts.append(_SERVICE.format(number=number, port=10_000 + number, before=before))
    parts.append("\nnetworks:\n  backend:\n    driver: bridge\n\nvolumes:\n")
    parts += [f"  data-{number}:\n" for number in range(services)]
    return "".join(parts)


def rows() -> list[Row]:
    """Return what was measured, a row each: what, how much, in comparison to what."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        for size in SIZES:
            path = Path(name) / str(size) / "compose.yaml"
            path.parent.mkdir()
            path.write_text(project(size))
            found.append(_row(size, path))
    parse, _ = _mean(lambda: list(yaml.parse(project(SIZES[0]), yaml.CLoader)), 100)
    found.append(("  libyaml's events of 8 services", f"{parse:.2f} ms", "PyYAML, from Python"))
    return found


def main() -> None:
    """Measure and print."""
    for what, how_much, beside in rows():
        print(f"{what:36} {how_much:>11}  {beside}")


def _row(size: int, path: Path) -> Row:
    """Measure both loaders in turns and take the best round of each."""

    def once() -> None:
        load(directory_bundle(str(path.parent), [str(path)], profiles=["*"]))

    count = max(1, int(ROUND_MILLISECONDS / _mean(once, 1)[0]))
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(_mean(once, count))
        theirs.append(_compose_go(path, max(1, count // 6)))
    clock, used = (min(column) for column in zip(*ours, strict=True))
    beside = f"{clock / size * 1000:.0f} µs a service"
    if theirs[0][0]:
        peer, peer_used = (min(column) for column in zip(*theirs, strict=True))
        beside += (
            f"; compose-go {peer:.2f} ms, {peer / clock:.1f} times as long; "
            f"{peer_used:.2f} ms of processor time, {peer_used / used:.1f} times as much"
        )
    lines = project(size).count("\n")
    return f"load, {size:,} services, {lines:,} lines", f"{clock:.2f} ms", beside


def _mean(call: Callable[[], object], count: int) -> tuple[float, float]:
    """Return the mean milliseconds of `count` calls, by the clock and of processor time."""
    started, used = time.perf_counter(), time.process_time()
    for _ in range(count):
        call()
    clock, used = time.perf_counter() - started, time.process_time() - used
    return clock / count * 1000, used / count * 1000


def _compose_go(path: Path, count: int) -> tuple[float, float]:
    """Return the same of `count` loads by compose-go; zeros where Go is absent."""
    try:
        binary = build()
    except FileNotFoundError:
        return 0.0, 0.0
    done = subprocess.run(
        [binary, "-bench", str(count), str(path)], capture_output=True, text=True, check=True
    )
    clock, used = done.stdout.split()[-2:]
    return float(clock), float(used)


if __name__ == "__main__":
    main()
