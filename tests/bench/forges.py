"""`python -m tests.bench.forges`: from the delivery of a push to its verdict, on loopback.

One repository with 20 Compose projects, of which each push changes one. The webhook runs as in
production, with two workers and an audit log on disk; the forge is the one of the tests. First
pushes are delivered one after the other, and the time to the commit status is measured. Then with
`--kills N` as many deliveries come at once while workers are killed: each must be decided once and
reported. Nothing is asserted but that.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import hashlib
import hmac
import itertools
import json
import os
import random
import signal
import sqlite3
import statistics
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.bench.processes import Server, _tree, serving_policyd
from tests.support.forge import ForgeServer, forge_server

PROJECTS = 20
SECRET = "a-secret-of-the-bench"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=500)
    parser.add_argument("--kills", type=int, default=0)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="policyd-bench-") as name,
        forge_server("gitea") as forge,
    ):
        folder = Path(name)
        settings = _settings(folder, forge)
        commits = _commits(forge, given.deliveries)
        with serving_policyd(folder, "--config", str(settings)) as server:
            if given.kills:
                _killed(server, forge, commits, given.kills)
            else:
                _timed(server, forge, commits)
        _count(folder, forge, commits)


def _settings(folder: Path, forge: ForgeServer) -> Path:
    for name in ("secret", "token"):
        (folder / name).write_text(SECRET)
        (folder / name).chmod(0o600)
    file = folder / "policyd.toml"
    file.write_text(
        f'[forges.main]\nkind = "gitea"\nurl = "http://{forge.host}"\ninsecure = true\n'
        'secret_file = "secret"\ntoken_file = "token"\nrepositories = ["ml/train"]\n'
        "poll_interval = 0\n"
    )
    return file


def _commits(forge: ForgeServer, number: int) -> list[str]:
    """Give the forge a history of `number` commits after the first, and return their ids."""
    files = {f"p{index}/compose.yaml": _project(0) for index in range(PROJECTS)}
    ids = [hashlib.sha1(str(index).encode()).hexdigest() for index in range(number + 1)]
    for index, commit in enumerate(ids):
        files = files | {f"p{index % PROJECTS}/compose.yaml": _project(index)}
        forge.commits[commit] = files
    return ids


def _project(version: int) -> str:
    services = "".join(
        f"  s{index}:\n    image: nginx:1.{version}\n    read_only: true\n" for index in range(8)
    )
    return f"services:\n{services}"


def _deliver(server: Server, before: str, after: str) -> int:
    body = json.dumps(
        {
            "ref": "refs/heads/main",
            "before": before,
            "after": after,
            "repository": {"id": 3, "full_name": "ml/train", "default_branch": "main"},
            "sender": {"login": "ada"},
        }
    ).encode()
    request = urllib.request.Request(
        f"http://{server.host}:{server.port}/hooks/gitea/main",
        body,
        {
            "Content-Type": "application/json",
            "X-Gitea-Event-Type": "push",
            "X-Gitea-Delivery": after,
            "X-Gitea-Signature": hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest(),
        },
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return int(answer.status)


def _timed(server: Server, forge: ForgeServer, commits: list[str]) -> None:
    answered, told = [], []
    spent = server.processor_seconds()
    for before, after in itertools.pairwise(commits):
        start = time.perf_counter()
        _deliver(server, before, after)
        answered.append(time.perf_counter() - start)
        while not forge.statuses or forge.statuses[-1]["sha"] != after:
            time.sleep(0.002)
        told.append(time.perf_counter() - start)
    spent = server.processor_seconds() - spent
    for what, seconds in (("answer 202", answered), ("commit status", told)):
        ranked = sorted(seconds)
        print(
            f"{what}: p50 {statistics.median(ranked) * 1000:.0f} ms, "
            f"p99 {ranked[int(len(ranked) * 0.99) - 1] * 1000:.0f} ms"
        )
    print(f"processor time: {spent / len(told) * 1000:.0f} ms for a push")
    print(f"requests to the forge: {len(forge.asked) / len(told):.2f} for a push")


def _killed(server: Server, forge: ForgeServer, commits: list[str], kills: int) -> None:
    chance = random.Random(1)
    every = max(len(commits) // kills, 1)
    for number, (before, after) in enumerate(itertools.pairwise(commits)):
        while True:
            try:
                _deliver(server, before, after)
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)  # a forge would not repeat it: what counts is what got a 202
        if number % every == every - 1:
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ended itself
                others = [pid for pid in _tree(server.pid) if pid != server.pid]
                os.kill(chance.choice(others), signal.SIGKILL)
    wanted = set(commits[1:])
    while wanted - {one["sha"] for one in forge.statuses}:
        time.sleep(0.1)


def _count(folder: Path, forge: ForgeServer, commits: list[str]) -> None:
    """Print, and end with an error unless each commit was decided once and reported."""
    with sqlite3.connect(folder / "audit.db") as database:
        rows = database.execute("select payload from events where kind = 'decision'").fetchall()
    decided = collections.Counter(
        json.loads(payload)["input"]["review"]["source"]["commit"] for (payload,) in rows
    )
    reported = collections.Counter(one["sha"] for one in forge.statuses)
    missing = [one for one in commits[1:] if decided[one] != 1 or not reported[one]]
    again = sum(number - 1 for number in reported.values())
    print(
        f"{len(commits) - 1} deliveries: {len(decided)} decided, {len(reported)} reported, "
        f"{again} of them again with the same verdict"
    )
    if missing:
        raise SystemExit(f"{len(missing)} commits were not decided once and reported")


if __name__ == "__main__":
    main()
