from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from policyd.audit.store import open_store
from tests.support.held import at, granted
from tests.unit.audit.conftest import pair
from tests.unit.cli.conftest import Run

HOSTS = """\
policyd:
  inventory:
    hosts:
      gpu-01:
        driver_version: "580"
        cuda_version: "13.0"
        gpus:
          - {index: 0, uuid: GPU-AA, name: H200}
          - {index: 1, uuid: GPU-BB}
"""
RULES = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: test}
spec: {packs: [gpu], data: [hosts.yaml]}
"""
HOUR = 3600


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, empty_log: Path) -> Path:
    """Two deployments of acme/train on gpu-01 with an hour between, and one of beta/web."""
    path = tmp_path_factory.mktemp("log") / "log.db"
    store = open_store(str(shutil.copy(empty_log, path)))
    store.append_decision(*pair("d1", grants=(granted("old"),)))
    store.append_decision(*pair("d2", grants=(granted("new"),), seconds=HOUR))
    store.append_decision(
        *pair("d3", repository="beta/web", host="", grants=(granted("web"),), seconds=2 * HOUR)
    )
    store.close()
    return path


@pytest.fixture
def log(folder: Path, recorded: Path) -> str:
    """That log, in the folder of the test."""
    (folder / "hosts.yaml").write_text(HOSTS)
    (folder / "rules.yaml").write_text(RULES)
    shutil.copy(recorded, folder / "log.db")
    return "log.db"


def found(run: Run, log: str, *arguments: str) -> list[str]:
    shown = run("audit", "grants", "--audit", log, "--format", "jsonl", *arguments)
    assert shown.exit_code == 0, shown.stderr
    return [json.loads(line)["service"] for line in shown.stdout.splitlines()]


def test_grants_are_found_by_time(run: Run, log: str) -> None:
    assert found(run, log) == ["web", "new"]
    assert found(run, log, "--at", "2026-11-23T15:30:00Z") == ["old"]
    assert found(run, log, "--at", "2026-11-23") == []
    assert found(run, log, "--since", "2026-11-23", "--until", "2026-11-24") == [
        "web", "new", "old",
    ]  # fmt: skip
    assert found(run, log, "--until", at(HOUR)) == ["old"]
    assert found(run, log, "--all", "--user", "ci-bot", "--host", "gpu-01") == ["new", "old"]
    assert found(run, log, "--exception", "none") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grants", "--at", "March"], "--at: 'March' is not a date such as 2026-03-01, or a time"),
        (
            ["grants", "--at", "2026-03-01", "--since", "2026-03-01"],
            "--at cannot be combined with --since and --until",
        ),
        (
            ["usage", "--since", "2026-03-02", "--until", "2026-03-01"],
            "--until must be after --since",
        ),
        (["list", "--since", "1 day"], "--since: '1 day' is not a date"),
        (["events", "--until", "now"], "--until: 'now' is not a date"),
        (["gpus", "--host", "nosuch"], "the inventory of the policy set has no host 'nosuch'"),
        (["revoke", "9.9", "--reason", "x"], "there is no active grant 9.9"),
        (["revoke", "1.0", "--reason", "x"], "there is no active grant 1.0"),
        (["revoke", "d1", "--reason", "x"], "'d1' is not SEQUENCE.POSITION, such as 12.0"),
        (["revoke", "--host", "none", "--reason", "x"], "there is no such active grant"),
        (["revoke", "2.0", "--reason", " "], "--reason is empty"),
        (["revoke", "--reason", "x"], "name either grants, or a repository, project"),
        (["revoke", "2.0", "--host", "gpu-01", "--reason", "x"], "name either grants, or a"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    run: Run, log: str, arguments: list[str], message: str
) -> None:
    result = run("audit", *arguments, "--audit", log)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_a_grant_is_revoked_with_who_and_why(run: Run, log: str) -> None:
    tried = run("audit", "revoke", "2.0", "--reason", "x", "--dry-run", "--audit", log)
    assert (tried.exit_code, tried.stdout.splitlines()[-1]) == (0, "1 grant would be revoked.")
    assert found(run, log) == ["web", "new"]

    done = run("audit", "revoke", "2.0", "--reason", "repair", "--by", "ana", "--audit", log)

    assert (done.exit_code, done.stdout.splitlines()[-1]) == (0, "1 grant now revoked.")
    assert found(run, log) == ["web"]
    events = run("audit", "events", "--kind", "grant-revoked", "--audit", log).stdout.splitlines()
    assert events[0].split()[0::2] == ["4", "grant-revoked", "ana"]
    assert events[1:] == ["  acme/train train prod gpu-01", "  reason: repair", "  grants: 2.0"]
    assert run("audit", "verify", "--audit", log).exit_code == 0


def test_grants_of_a_place_are_revoked_together(run: Run, log: str) -> None:
    done = run("audit", "revoke", "--environment", "prod", "--reason", "end", "--audit", log)

    assert done.stdout.splitlines()[-1] == "2 grants now revoked."
    assert found(run, log) == []
    shown = run("audit", "events", "--format", "json", "--audit", log).stdout
    assert [item["type"] for item in json.loads(shown)["items"]] == ["grant-revoked"] * 2


def test_devices_of_a_host_are_free_or_held(run: Run, log: str) -> None:
    def devices(*arguments: str) -> list[dict[str, Any]]:
        shown = run(
            "audit", "gpus", "--policy-set", "rules.yaml", "--audit", log, "--format", "json",
            *arguments,
        )  # fmt: skip
        assert shown.exit_code == 0, shown.stderr
        items: list[dict[str, Any]] = json.loads(shown.stdout)["items"]
        return items

    assert [(one["device"], one["held"]) for one in devices()] == [("0", True), ("1", False)]
    assert [one["device"] for one in devices("--free", "--host", "gpu-01")] == ["1"]
    before = devices("--at", "2026-11-23T15:30:00Z")
    assert [[grant["service"] for grant in one["grants"]] for one in before] == [["old"], []]
    assert [one["held"] for one in devices("--at", "2026-11-22")] == [False, False]

    text = run("audit", "gpus", "--policy-set", "rules.yaml", "--audit", log).stdout.splitlines()
    assert text[:3] == [
        "gpu-01 nvidia 0 (H200): held",
        "  acme/train train/new for ci-bot",
        "gpu-01 nvidia 1: free",
    ]
    assert text[-1].endswith(": 1 free, 1 held.")


def test_gpu_hours_are_summed_by_team(run: Run, log: str) -> None:
    day = ("--since", "2026-11-23", "--until", "2026-11-24")
    shown = run("audit", "usage", *day, "--audit", log)

    assert shown.stdout.splitlines() == [
        "GPU-hours held from 2026-11-23T00:00:00Z until 2026-11-24T00:00:00Z",
        "",
        "TEAM  GPU-HOURS  GPUS  GRANTS",
        "acme  9.0        1     2",
        "beta  7.0        1     1",
    ]
    table = run("audit", "usage", *day, "--by", "host", "--format", "csv", "--audit", log).stdout
    assert list(csv.reader(io.StringIO(table))) == [
        ["group", "gpuHours", "gpus", "grants", "uncountedHours"],
        ["gpu-01", "9.0", "1", "2", "0.0"],
        ["", "7.0", "1", "1", "0.0"],
    ]
    nothing = run("audit", "usage", "--until", "2026-01-01", "--audit", log).stdout
    assert nothing == "No GPU was held from the beginning until 2026-01-01T00:00:00Z.\n"
