from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from policyd.model import Location
from policyd.policies.exceptions import PolicyException
from policyd.policies.matching import Selector
from policyd.policies.policy_set import load_policy_set
from policyd.serving.service_events import ServiceEvents
from tests.unit.audit.conftest import NOON
from tests.unit.cli.conftest import Run

DAY = 24 * 3600 * 1_000_000_000


EXCEPTION = PolicyException(
    "trial", ("no-all-gpus",), Selector(repositories=("acme/train",)), NOON + DAY, "ml", "Test",
    "sec", Location("set.yaml"), NOON,
)  # fmt: skip
DATA = {"policyd": {"entitlements": {"own": {"users": ["ana"], "count": 2}}}}


@pytest.fixture
def log(folder: Path, empty_log: Path) -> str:
    """A log of two policy sets: one from 2026-11-23T15:00:00Z, one from the next day."""
    log = str(shutil.copy(empty_log, folder / "log.db"))
    first = load_policy_set()
    ServiceEvents(log, lambda: NOON).put_in_force(first)
    later = msgspec.structs.replace(
        first, name="later", revision="sha256:later", exceptions=(EXCEPTION,), data=DATA
    )
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


def test_the_policy_set_with_a_revision_is_shown(run: Run, log: str) -> None:
    revision = load_policy_set().revision
    assert name_at(run, log, "--revision", revision) == "default"
    assert name_at(run, log, "--revision", revision[7:19]) == "default"
    assert name_at(run, log, "--revision", "sha256:later") == "later"


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

    assert (
        'constraint no-all-gpus\n  policy: no-all-gpus\n  actions: {"default":"deny"}\nmodule '
        in shown
    )
    assert f"\nmodule {load_policy_set().policies['no-all-gpus'].module}:\n" in shown
    assert "\npackage policyd.policies.no_all_gpus\n" in shown


def test_an_exception_and_an_entitlement_are_shown(run: Run, log: str) -> None:
    names = ("--exception", "trial", "--entitlement", "own")
    lines = run("audit", "policy-set", "--audit", log, *names).stdout.splitlines()

    assert lines[3:] == [
        "exception trial",
        '  policies: ["no-all-gpus"]',
        '  match: {"repositories":["acme/train"]}',
        "  expires: 2026-11-24T15:00:00Z",
        "  owner: ml",
        "  reason: Test",
        "  approvedBy: sec",
        "  starts: 2026-11-23T15:00:00Z",
        "entitlement own",
        '  users: ["ana"]',
        "  count: 2",
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "2026-11-23"], "records no policy set that was in force at 2026-11-23"),
        (["--at", "noon"], "--at: 'noon' is not "),
        (
            ["--policy", "no-all-gpu"],
            "the policy set later had no policy no-all-gpu; did you mean no-all-gpus?",
        ),
        (["--exception", "x"], "the policy set later had no exception x"),
        (["--entitlement", "x"], "the policy set later had no entitlement x"),
        (["--revision", "00"], "records no policy set with the revision sha256:00"),
        (["--revision", "00", "--at", "2026-11-23"], "--at cannot be combined with --revision"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    run: Run, log: str, arguments: list[str], message: str
) -> None:
    result = run("audit", "policy-set", "--audit", log, *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
