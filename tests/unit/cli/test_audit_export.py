"""The audit log leaves the machine: as files, and as batches over HTTP."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policyd.audit.store import open_store
from tests.support.http_recorder import Recorder, Reply, recorder
from tests.unit.audit.conftest import pair


@pytest.fixture
def log(folder: Path, empty_log: Path) -> str:
    """A log with a denial, a revocation and a grant."""
    (folder / "log.db").write_bytes(empty_log.read_bytes())
    store = open_store(str(folder / "log.db"))
    store.append_decision(*pair("d1", allowed=False, policies=("no-root",)))
    store.append_event("settings", {"changed": ["tokens"]}, now=0, actor="=ana")
    store.append_decision(*pair("d2", repository="acme/serve", seconds=60))
    store.close()
    return "log.db"


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recorder() as running:
        yield running


def lines(text: str) -> list[str]:
    return [json.loads(line)["id"] for line in text.splitlines()]


def test_the_log_is_exported_oldest_first_and_verified(run, log: str, folder: Path) -> None:
    printed = run("audit", "export", "--audit", log)
    written = run("audit", "export", "--audit", log, "-o", "log.jsonl")
    verified = run("audit", "verify", "--export", "log.jsonl")
    (folder / "part.jsonl").write_text("".join(printed.stdout.splitlines(keepends=True)[1:]))
    part = run("audit", "verify", "--export", "part.jsonl")

    assert (written.stdout, (folder / "log.jsonl").read_text()) == ("", printed.stdout)
    ids = lines(printed.stdout)
    assert (ids[0], ids[2], len(ids)) == ("d1", "d2", 3)
    assert verified.exit_code == part.exit_code == 0
    last = json.loads(printed.stdout.splitlines()[2])["hash"]
    assert verified.stdout == f"log.jsonl: 3 events are intact; the last hash is {last}\n"
    assert part.stdout == (
        f"part.jsonl from event 2 on: 2 events are intact; the last hash is {last}\n"
    )


def test_filters_choose_events(run, log: str) -> None:
    def ids(*filters: str) -> list[str]:
        return lines(run("audit", "export", "--audit", log, *filters).stdout)

    assert ids("--kind", "decision") == ["d1", "d2"]
    assert ids("--denied") == ids("--policy", "no-root") == ["d1"]
    assert ids("--repository", "acme/serve", "--kind", "decision") == ["d2"]
    assert len(ids("--kind", "settings", "--kind", "stop")) == 1
    assert ids("--since", "2026-11-23T15:01:00Z") == ["d2"]
    assert ids("--until", "2026-11-23") == []


def test_a_table_has_one_header(run, log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("policyd.audit.export.PAGE", 1)
    everything = run("audit", "export", "--audit", log, "--format", "csv").stdout
    decisions = run("audit", "export", "--audit", log, "--format", "csv", "--kind", "decision")

    rows = list(csv.DictReader(io.StringIO(everything)))
    assert [(row["kind"], row["actor"]) for row in rows] == [
        ("decision", "ci-bot"), ("settings", "'=ana"), ("decision", "ci-bot"),
    ]  # fmt: skip
    found = list(csv.DictReader(io.StringIO(decisions.stdout)))
    assert [(row["verdict"], row["policies"]) for row in found] == [
        ("denied", '["no-root"]'), ("allowed", "[]"),
    ]  # fmt: skip


def test_decisions_are_delivered_once(run, log: str, server: Recorder, folder: Path) -> None:
    arguments = ("audit", "export", "--audit", log, "--to", server.url, "--state", "state.json")

    first, second = run(*arguments), run(*arguments)

    assert (first.exit_code, first.stdout) == (
        0, f"{server.url}: 2 decisions delivered, up to event 3\n",
    )  # fmt: skip
    assert second.stdout == f"{server.url}: 0 decisions delivered, up to event 3\n"
    (seen,) = server.seen
    batch = json.loads(gzip.decompress(seen.body))
    assert [event["decision_id"] for event in batch] == ["d1", "d2"]
    assert json.loads((folder / "state.json").read_text())["sequence"] == 3


def test_a_refusal_is_one_line_without_credentials(run, log: str, server: Recorder) -> None:
    server.last = Reply(401)

    result = run(
        "audit", "export", "--audit", log, "--to", f"{server.url}?key=hunter2", "--state", "s"
    )

    assert (result.exit_code, result.stderr) == (
        2,
        f"policyd: error: {server.url} answered with status 401; the decisions after event 0 were "
        "not delivered\n",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "https://h/"], "--to requires --state FILE, and cannot be used with --output"),
        (["--follow"], "--state, --follow and --token-file require --to"),
        (
            ["--denied", "--kind", "stop"],
            "--to and filters of decisions cannot be used with other --kind",
        ),
        (["-o", "none/x"], "none/x: cannot write the file: No such file or directory"),
    ],
)
def test_what_cannot_be_done_is_said(run, log: str, arguments: list[str], message: str) -> None:
    result = run("audit", "export", "--audit", log, *arguments)

    assert result.exit_code == 2
    assert result.stderr.endswith(f"rror: {message}\n")


@pytest.mark.slow
def test_a_killed_export_that_follows_loses_nothing(
    log: str, folder: Path, server: Recorder, until: Callable[..., None]
) -> None:
    server.last = Reply(503)
    command = [sys.executable, "-m", "policyd", "audit", "export", "--audit", log]
    command += ["--to", server.url, "--state", "state.json", "--follow", "--interval", "0.1"]

    def started() -> subprocess.Popen[bytes]:
        return subprocess.Popen(command, cwd=folder, env=os.environ, stdout=subprocess.PIPE)

    killed = started()
    until(lambda: bool(server.seen))
    killed.kill()
    killed.communicate()
    server.last = Reply()
    server.seen.clear()
    following = started()
    until(lambda: bool(server.seen))
    store = open_store(str(folder / log))
    store.append_decision(*pair("d3", project="more"))
    store.close()
    until(lambda: len(server.seen) == 2)
    following.send_signal(signal.SIGTERM)
    said, _ = following.communicate()

    batches = [json.loads(gzip.decompress(one.body)) for one in server.seen]
    assert [[event["decision_id"] for event in batch] for batch in batches] == [
        ["d1", "d2"], ["d3"],
    ]  # fmt: skip
    assert (following.returncode, said.decode()) == (
        0, f"{server.url}: 3 decisions delivered, up to event 4\n",
    )  # fmt: skip
