"""Measure the loader against compose-go: the same projects, in process, in one run.

    python -m tests.bench.loader

Prints the milliseconds of one load by both, their ratio, and how they grow with the services.
Nothing is asserted. Needs Go for the comparison; without it only policyd is measured.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

import yaml

from policyd.bundle import directory_bundle
from policyd.compose import load
from tests.conformance.oracle import build

SIZES = (8, 50, 200, 1_000)
BUDGET_SECONDS = 3.0
REPEATS = 5

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
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        paths = {size: _written(Path(name), size) for size in SIZES}
        ours = {size: _policyd(path) for size, path in paths.items()}
        theirs = {size: _compose_go(path, ours[size]) for size, path in paths.items()}
        parse = _best(lambda: list(yaml.parse(project(SIZES[0]), yaml.CLoader)))
    found: list[Row] = []
    for size in SIZES:
        lines = project(size).count("\n")
        ratio = f"{theirs[size] / ours[size]:.1f} times as fast" if theirs[size] else "no Go here"
        peer = f"compose-go {theirs[size]:.2f} ms, {ratio}"
        each = f"{ours[size] / size * 1000:.0f} µs a service"
        found.append(
            (f"load, {size:,} services, {lines:,} lines", f"{ours[size]:.2f} ms", f"{each}; {peer}")
        )
    found.append(("  libyaml's events of 8 services", f"{parse:.2f} ms", "PyYAML, from Python"))
    return found


def main() -> None:
    """Measure and print."""
    for what, how_much, beside in rows():
        print(f"{what:36} {how_much:>11}  {beside}")


def _written(folder: Path, size: int) -> Path:
    path = folder / str(size) / "compose.yaml"
    path.parent.mkdir()
    path.write_text(project(size))
    return path


def _policyd(path: Path) -> float:
    def once() -> None:
        load(directory_bundle(str(path.parent), [str(path)], profiles=["*"]))

    return _best(once)


def _best(call: object) -> float:
    """Return the milliseconds of one call: the best mean of several rounds."""
    assert callable(call)
    started = time.perf_counter()
    call()
    first = time.perf_counter() - started
    count = max(1, int(BUDGET_SECONDS / REPEATS / max(first, 1e-6)))
    means = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        for _ in range(count):
            call()
        means.append((time.perf_counter() - started) / count)
    return min(means) * 1000


def _compose_go(path: Path, like: float) -> float:
    """Return the milliseconds of one load by compose-go, 0 where Go is absent."""
    try:
        binary = build()
    except FileNotFoundError:
        return 0.0
    count = max(1, int(BUDGET_SECONDS / REPEATS / (like * 8 / 1000)))
    means = []
    for _ in range(REPEATS):
        done = subprocess.run(
            [binary, "-bench", str(count), str(path)], capture_output=True, text=True, check=True
        )
        means.append(float(done.stdout.split()[-1]))
    return min(means)


if __name__ == "__main__":
    main()
