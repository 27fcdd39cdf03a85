"""What the gate adds to requests of a real Docker daemon: `python -m tests.bench.host`.

In: nothing; it needs root and docker.io. Out: a table with the median and the 99th percentile of
requests without and with the gate, and the processor time of policyd for each. A create names an
image that does not exist, so that the daemon itself does as little as possible.
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

PINGS = 1_000
CREATES = 400
WARM = 20
CREATE = "/v1.41/containers/create"
JSON = {"Host": "docker", "Content-Type": "application/json"}


class Measured(NamedTuple):
    """Times of requests in milliseconds, and processor time of policyd for each."""

    median: float
    p99: float
    processor: float


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


def run(
    path: Path, number: int, ask: Callable[[UnixConnection], None], pid: int | None
) -> Measured:
    """Return what `number` requests take."""
    with connection(path) as opened:
        for _ in range(WARM):
            ask(opened)
        before, times = processor(pid), []
        for _ in range(number):
            started = time.perf_counter()
            ask(opened)
            times.append(time.perf_counter() - started)
        return measured(times, processor(pid) - before)


def processor(pid: int | None) -> float:
    """Return the seconds of processor time of the process `pid`, 0 for None."""
    if pid is None:
        return 0.0
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ping(opened: UnixConnection) -> None:
    """Ask whether the daemon is there."""
    opened.request("GET", "/_ping", headers=JSON)
    opened.getresponse().read()


def create(*, repeated: bool = False, **host: Any) -> Callable[[UnixConnection], None]:
    """Return a request to create a container of an image that does not exist.

    Unless it is `repeated`, it differs each time, so that no kept decision answers it.
    """
    numbers = itertools.count()

    def ask(opened: UnixConnection) -> None:
        label = {} if repeated else {"run": str(next(numbers))}
        body = {"Image": "none/none:1", "Cmd": ["true"], "Labels": label, "HostConfig": host}
        opened.request("POST", CREATE, json.dumps(body).encode(), headers=JSON)
        opened.getresponse().read()

    return ask


def figures(dockerd: Dockerd, pid: int | None) -> dict[str, Measured]:
    """Return the figures of each kind of request."""
    binds = ["/srv/a:/a:ro", "/srv/b:/b"]
    kinds = {
        "create": create(NetworkMode="none"),
        "create, repeated": create(repeated=True, NetworkMode="none"),
        "create with binds": create(Binds=binds),
        "create, denied": create(PidMode="host"),
    }
    found = {"/_ping": run(dockerd.socket, PINGS, ping, pid)}
    return found | {name: run(dockerd.socket, CREATES, ask, pid) for name, ask in kinds.items()}


def main() -> int:
    """Print the table."""
    with (
        tempfile.TemporaryDirectory(prefix="pd", dir="/tmp", ignore_cleanup_errors=True) as name,
        running(Path(name)) as dockerd,
    ):
        without = figures(dockerd, None)
        dockerd.start_policyd()
        dockerd.use_plugin()
        within = figures(dockerd, dockerd.policyd_pid)
    print("| Request | without, median / p99 ms | with, median / p99 ms | added | processor ms |")
    print("|---|---|---|---|---|")
    for name, own in within.items():
        bare = without[name]
        print(
            f"| {name} | {bare.median:.2f} / {bare.p99:.2f} | {own.median:.2f} / {own.p99:.2f} "
            f"| {own.median - bare.median:.2f} / {own.p99 - bare.p99:.2f} | {own.processor:.2f} |"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
