from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from policyd.audit.pushes import Pushes
from policyd.audit.store import open_store
from tests.support.stored_pushes import push
from tests.unit.cli.conftest import Run


@pytest.fixture
def log(folder: Path, empty_log: Path) -> str:
    """A log with a push that failed, one that waits and one that is done."""
    store = open_store(str(shutil.copy(empty_log, folder / "log.db")))
    pushes = Pushes(store)
    pushes.add("hub", "hub/", [push(1), push(2), push(3)], time.time_ns())
    first, second, third = pushes.claim("hub", 3, time.time_ns(), time.time_ns() + 9)
    pushes.fail(first.number, "hub.example cannot be reached", time.time_ns())
    pushes.postpone(second.number, "", time.time_ns() + 3600 * 10**9)
    pushes.finish(third.number, time.time_ns())
    store.close()
    return "log.db"


def states(run: Run, log: str, *arguments: str) -> dict[str, tuple[str, int]]:
    shown = run("hooks", "list", "--audit", log, "--format", "json", *arguments)
    assert shown.exit_code == 0
    items = json.loads(shown.stdout)["items"]
    return {item["eventId"]: (item["state"], item["attempts"]) for item in items}


def test_pushes_without_a_verdict_are_listed(run: Run, log: str) -> None:
    assert states(run, log) == {"event-1": ("failed", 1), "event-2": ("waiting", 1)}
    assert states(run, log, "--state", "done") == {"event-3": ("done", 1)}
    assert states(run, log, "--registry", "other") == {}
    assert list(states(run, log, "--limit", "1")) == ["event-2"]
    shown = run("hooks", "list", "--audit", log, "--state", "failed").stdout.splitlines()
    assert shown[1].split()[1:] == ["failed", "1", "-", "hub", "demo/simple:1.0", "event-1"]
    assert shown[2] == "  hub.example cannot be reached"


def test_all_failed_pushes_are_reviewed_again(run: Run, log: str) -> None:
    result = run("hooks", "retry", "--audit", log)

    assert (result.exit_code, result.stdout) == (0, "1 push will be reviewed again.\n")
    assert states(run, log) == {"event-1": ("waiting", 0), "event-2": ("waiting", 1)}
    assert run("hooks", "retry", "--audit", log).stdout == "No pushes will be reviewed again.\n"


def test_named_pushes_are_reviewed_again(run: Run, log: str) -> None:
    result = run("hooks", "retry", "--audit", log, "event-2")

    assert (result.exit_code, result.stdout) == (0, "1 push will be reviewed again.\n")
    assert states(run, log) == {"event-1": ("failed", 1), "event-2": ("waiting", 0)}


def test_a_push_that_cannot_be_reviewed_again_is_an_error(run: Run, log: str) -> None:
    result = run("hooks", "retry", "--audit", log, "event-1", "event-3")

    assert result.exit_code == 2
    assert result.stderr == (
        "policyd: error: 1 of 2 pushes will be reviewed again; the others are not known, run at "
        "the moment, or are done\n"
    )
