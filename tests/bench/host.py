"""What the gate adds to requests of a real Docker daemon: `python -m tests.bench.host`.

In: the number of requests of each kind, 1,000 without it; it needs root and docker.io, and a
machine that does nothing else. Out: a table with the median and the 99th percentile of requests
without and with the gate, and for each request with the gate the processor time of policyd (with
its evaluators) and how often one of its threads waits. Two daemons are asked in turn, one of them
with the gate, so that both meet the same machine. A create names an image that does not exist, so
that the daemon itself does as little as possible.
"""

from __future__ import annotations

import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from tests.support.dockerd import Dockerd, running
from tests.support.unix_http import UnixConnection

REQUESTS = 1_000
WARM = 20
CREATE = "/v1.41/containers/create"
JSON = {"Host": "docker", "Content-Type": "application/json"}
Ask = Callable[[UnixConnection], None]


class Measured(NamedTuple):
    """Times of requests in milliseconds, and processor time of policyd for each."""

    median: float
    p99: float
    processor: float


class Row(NamedTuple):
    """A kind of request: without the gate, with it, and the waits of policyd for each."""

    without: Measured
    within: Measured
    waits: float


def measured(times: list[float], processor: float) -> Measured:
    """Return the figures of `times`, in seconds."""
    ordered = sorted(times)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return Measured(statistics.median(ordered) * 1000, p99 * 1000, processor * 1000 / len(ordered))


@contextmanager
def connection(path: Path) -> Iterator[UnixConnection]:
    """Yield a connection that is kept open, as clients of Docker do."""
    found = UnixConnection(str(path), 60)
    yield found
    found.close()


def run(without: Path, within: Path, number: int, asks: tuple[Ask, Ask], pid: int) -> Row:
    """Return what `number` requests take, each sent to one daemon and then to the other."""
    times: tuple[list[float], list[float]] = ([], [])
    with connection(without) as bare, connection(within) as gated:
        both = list(zip((bare, gated), asks, times, strict=True))
        for _, (opened, ask, _) in itertools.product(range(WARM), both):
            ask(opened)
        processor_before, waits_before = processor(pid), waits(pid)
        for _, (opened, ask, own) in itertools.product(range(number), both):
            started = time.perf_counter()
            ask(opened)
            own.append(time.perf_counter() - started)
        spent, waited = processor(pid) - processor_before, waits(pid) - waits_before
    return Row(measured(times[0], 0), measured(times[1], spent), waited / number)


def processor(pid: int | None) -> float:
    """Return the seconds of processor time of `pid` and its children, 0 for None."""
    if pid is None:
        return 0.0
    ticks = 0
    for one in (pid, *children(pid)):
        fields = Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Return the processes that `pid` started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def waits(pid: int) -> int:
    """Return how often threads of `pid` have given the processor away to wait for something."""
    found = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        text = status.read_text()
        found += int(text.rpartition("\nvoluntary_ctxt_switches:")[2].split()[0])
    return found


def ping(opened: UnixConnection) -> None:
    """Ask whether the daemon is there."""
    opened.request("GET", "/_ping", headers=JSON)
    opened.getresponse().read()


def create(labels: Callable[[int], dict[str, str]], **host: Any) -> Ask:
    """Return a request to create a container of an image that does not exist.

    `labels` returns those of a container by its number.
    """
    numbers = itertools.count()

    def ask(opened: UnixConnection) -> None:
        body = {"Image": "none/none:1", "Cmd": ["true"], "Labels": labels(next(numbers))}
        content = json.dumps({**body, "HostConfig": host}).encode()
        opened.request("POST", CREATE, content, headers=JSON)
        opened.getresponse().read()

    return ask


def distinct(number: int) -> dict[str, str]:
    """Return labels that make each request another question."""
    return {"run": str(number)}


def same(_: int) -> dict[str, str]:
    """Return labels with which each request is the same question, to a byte."""
    return {}


def replica(number: int) -> dict[str, str]:
    """Return the labels of a container of a service, as Compose numbers it."""
    compose = "com.docker.compose."
    return {
        f"{compose}project": "acme",
        f"{compose}service": "web",
        f"{compose}container-number": str(number),
    }


def figures(without: Dockerd, within: Dockerd, number: int) -> Iterator[tuple[str, Row]]:
    """Yield each kind of request and its figures."""
    pid = within.policyd_pid
    assert pid is not None
    binds = ["/srv/a:/a:ro", "/srv/b:/b"]
    kinds: dict[str, Callable[[], Ask]] = {
        "/_ping": lambda: ping,
        "create": lambda: create(distinct, NetworkMode="none"),
        "create, repeated": lambda: create(same, NetworkMode="none"),
        "create, another replica": lambda: create(replica, NetworkMode="none"),
        "create with binds": lambda: create(distinct, Binds=binds),
        "create, denied": lambda: create(distinct, PidMode="host"),
    }
    for name, ask in kinds.items():
        yield name, run(without.socket, within.socket, number, (ask(), ask()), pid)


@contextmanager
def daemons() -> Iterator[tuple[Dockerd, Dockerd]]:
    """Yield a daemon without the gate, and one with it."""
    folders = [
        tempfile.TemporaryDirectory(prefix="pd", dir="/tmp", ignore_cleanup_errors=True)
        for _ in range(2)
    ]
    with (
        folders[0] as first,
        folders[1] as second,
        running(Path(first)) as without,
        running(Path(second)) as within,
    ):
        within.start_policyd()
        within.use_plugin()
        yield without, within


def main() -> int:
    """Print the table."""
    number = int(sys.argv[1]) if sys.argv[1:] else REQUESTS
    print("| Request | without, p50 / p99 ms | with, p50 / p99 ms | added | processor ms | waits |")
    print("|---|---|---|---|---|---|")
    with daemons() as (without, within):
        for name, (bare, own, waited) in figures(without, within, number):
            added = f"{own.median - bare.median:.2f} / {own.p99 - bare.p99:.2f}"
            print(
                f"| {name} | {bare.median:.2f} / {bare.p99:.2f} | {own.median:.2f} / {own.p99:.2f} "
                f"| {added} | {own.processor:.2f} | {waited:.1f} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
