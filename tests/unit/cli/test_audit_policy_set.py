from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from policyd.policies.policy_set import load_policy_set
from policyd.serving.service_events import ServiceEvents
from tests.unit.audit.conftest import NOON
from tests.unit.cli.conftest import Run

DAY = 24 * 3600 * 1_000_000_000


@pytest.fixture
def log(folder: Path, empty_log: Path) -> str:
    """A log of two policy sets: one from 2026-11-23T15:00:00Z, one from the next day."""
    log = str(shutil.copy(empty_log, folder / "log.db"))
    first = load_policy_set()
    ServiceEvents(log, lambda: NOON).put_in_force(first)
    later = msgspec.structs.replace(first, name="later", revision="sha256:later")
    ServiceEvents(log, lambda: NOON + DAY).put_in_force(later)
    return log


def name_at(run: Run, log: str, *at: str) -> str:
    shown = run("audit", "policy-set", "--audit", log, "--format", "json", *at)
    assert shown.exit_code == 0, shown.stderr
    return str(json.loads(shown.stdout)["name"])


def test_the_policy_set_in_force_at_a_time_is_shown(run: Run, log: str) -> None:
    assert name_at(run, log) == "later"
    assert name_at(run, log, "--at", "2026-11-24T15:00:00Z") == "later"
    assert name_at(run, log, "--at", "2026-11-24T14:59:59Z") == "default"
    assert name_at(run, log, "--at", "2026-11-23T15:00:00Z") == "default"


def test_policies_are_listed_with_their_constraints(run: Run, log: str) -> None:
    lines = run("audit", "policy-set", "--audit", log).stdout.splitlines()

    assert lines[:3] == [
        "later, revision sha256:later",
        "In force since 2026-11-24T15:00:00Z (event 2).",
        "",
    ]
    assert lines[3].split() == ["POLICY", "CONSTRAINTS"]
    assert [line.split() for line in lines if line.startswith("no-all-gpus ")] == [
        ["no-all-gpus", "no-all-gpus"]
    ]


def test_the_text_of_a_policy_is_shown(run: Run, log: str) -> None:
    shown = run("audit", "policy-set", "--audit", log, "--policy", "no-all-gpus").stdout

    assert 'constraint no-all-gpus: {"name":"no-all-gpus"' in shown
    assert f"\nmodule {load_policy_set().policies['no-all-gpus'].module}:\n" in shown
    assert "\npackage policyd.policies.no_all_gpus\n" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "2026-11-23"], "records no policy set that was in force at 2026-11-23"),
        (["--at", "noon"], "--at: 'noon' is not "),
        (
            ["--policy", "no-all-gpu"],
            "the policy set later had no policy no-all-gpu; did you mean no-all-gpus?",
        ),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    run: Run, log: str, arguments: list[str], message: str
) -> None:
    result = run("audit", "policy-set", "--audit", log, *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
