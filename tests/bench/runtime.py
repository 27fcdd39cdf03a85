"""What policyd-runtime adds to the start of a container: `python -m tests.bench.runtime`.

In: nothing; it needs root and docker.io. Out: a table with the median and the 99th percentile of
the program alone, whose real runtime does nothing, and of the start of a container, without and
with policyd-runtime; and the processor time of the program.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from policyd.host.runtime_install import default_runtime, install
from tests.support.dockerd import IMAGE, Dockerd, running
from tests.support.oci_configs import ID, encoded, write_state

CALLS = 150
STARTS = 20
WARM = 5
OPTIONS = ("--network", "none", "--memory", "64m")


class Measured(NamedTuple):
    """Milliseconds of one call, and of processor time of the program in it."""

    median: float
    p99: float
    processor: float


def measured(number: int, call: Callable[[], object]) -> Measured:
    """Return what `number` calls take; their processor time is that of child processes."""
    for _ in range(WARM):
        call()
    before, times = os.times(), []
    for _ in range(number):
        started = time.perf_counter()
        call()
        times.append((time.perf_counter() - started) * 1000)
    after = os.times()
    used = sum(after[2:4]) - sum(before[2:4])
    times.sort()
    p99 = times[min(number - 1, int(number * 0.99))]
    return Measured(statistics.median(times), p99, used * 1000 / number)


def program(*command: str) -> Callable[[], object]:
    """Return a call of a program that must succeed."""
    return lambda: subprocess.run(command, check=True, capture_output=True)


def main() -> int:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="pd", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        daemon = Dockerd(folder)
        runtime, alone = folder / "policyd-runtime", folder / "alone"
        install(str(runtime), default_runtime(), str(daemon.plugin_socket))
        install(str(alone), "/bin/true", str(daemon.plugin_socket))
        bundle = folder / "bundle"
        bundle.mkdir()
        (bundle / "config.json").write_bytes(encoded(root=str(folder / "engine")))
        write_state(folder / "engine", {})
        runtimes = {"policyd": {"path": str(runtime)}}
        with running(folder, **{"runtimes": runtimes, "default-runtime": "policyd"}) as daemon:
            daemon.start_policyd()
            create = ("create", "--bundle", str(bundle), ID)
            rows = {
                "program alone, without": measured(CALLS, program("/bin/true", *create)),
                "program alone, no question": measured(CALLS, program(str(alone), "state", ID)),
                "program alone, with": measured(CALLS, program(str(alone), *create)),
                "start of a container, without": _starts(daemon, "runc"),
                "start of a container, with": _starts(daemon, "policyd"),
            }
    print("| What | median ms | p99 ms | processor ms |")
    print("|---|---|---|---|")
    for title, row in rows.items():
        print(f"| {title} | {row.median:.1f} | {row.p99:.1f} | {row.processor:.1f} |")
    return 0


def _starts(daemon: Dockerd, runtime: str) -> Measured:
    """Return what the start of a container takes that exists."""
    created = daemon.docker("create", "--name", runtime, "--runtime", runtime, *OPTIONS, IMAGE)
    assert created.code == 0, created.output

    def start() -> None:
        sent = daemon.send(f"/v1.41/containers/{runtime}/start")
        assert sent.status == 204, sent.body

    times: list[float] = []
    for _ in range(STARTS):
        started = time.perf_counter()
        start()
        times.append((time.perf_counter() - started) * 1000)
        daemon.send(f"/v1.41/containers/{runtime}/kill")
        daemon.send(f"/v1.41/containers/{runtime}/wait")
    times.sort()
    return Measured(statistics.median(times), times[-1], 0.0)


if __name__ == "__main__":
    sys.exit(main())
