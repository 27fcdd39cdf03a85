from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

GPU = """\
services:
  train:
    image: pytorch
    gpus:
      - driver: nvidia
        count: {count}
"""


@pytest.fixture
def log(run, folder, logs) -> str:
    """A log with a denial and, after it, a grant."""
    if "log" in logs:
        (folder / "log.db").write_bytes(logs["log"])
        return "log.db"
    for count in ("all", "2"):
        (folder / "compose.yaml").write_text(GPU.format(count=count))
        run(
            "check", "--audit", "log.db", "--operation", "CREATE", "--repository", "acme/train",
            "--environment", "prod", "--host", "gpu-01", "-p", "train",
        )  # fmt: skip
    logs["log"] = (folder / "log.db").read_bytes()
    return "log.db"


def ids(run, log: str, *filters: str) -> list[str]:
    listed = json.loads(run("audit", "list", "--audit", log, "--format", "json", *filters).stdout)
    return [item["event"]["decision_id"] for item in listed["items"]]


def test_decisions_are_listed_newest_first(run, log) -> None:
    result = run("audit", "list", "--audit", log)

    lines = [line.split() for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert lines[0] == ["SEQUENCE", "TIME", "VERDICT", "OPERATION", "BY"]
    assert (lines[1][0], *lines[1][2:4]) == ("2", "allowed", "CREATE")
    assert lines[2] == ["acme/train", "train", "prod", "gpu-01"]
    assert (lines[4][0], *lines[4][2:4]) == ("1", "denied", "CREATE")
    assert lines[6] == ["violations", "of", "no-all-gpus"]


def test_filters_narrow_the_list(run, log) -> None:
    newest, oldest = ids(run, log)

    assert ids(run, log, "--allowed") == [newest]
    assert ids(run, log, "--denied") == [oldest]
    assert ids(run, log, "--policy", "no-all-gpus") == [oldest]
    assert ids(run, log, "--repository", "acme/other") == []
    assert ids(run, log, "--project", "train", "--limit", "1") == [newest]


def test_one_decision_is_shown_with_who_what_and_why(run, log) -> None:
    denied = ids(run, log, "--denied")[0]

    shown = run("audit", "show", denied, "--audit", log)

    assert shown.exit_code == 0
    assert shown.stdout.startswith("DENIED  train: 1 violation\n\ncompose.yaml:6:16: denied: ")
    assert f"decision:    {denied}\n" in shown.stdout
    assert "repository:  acme/train\n" in shown.stdout
    assert "host:        gpu-01\n" in shown.stdout
    assert "operation:   CREATE\n" in shown.stdout


def test_the_grants_say_who_holds_what_where(run, log) -> None:
    table = run("audit", "grants", "--audit", log).stdout.splitlines()
    found = json.loads(run("audit", "grants", "--audit", log, "--format", "json").stdout)

    assert table[0] == "gpu-01: 2 GPUs, active"
    assert table[2] == "  acme/train, project train, service train, environment prod"
    assert found["kind"] == "GrantList"
    assert [item["devices"] for item in found["items"]] == [{"count": 2}]


def test_a_grant_ends_when_the_project_is_deleted(run, log) -> None:
    run(
        "check", "--audit", log, "--operation", "DELETE", "--repository", "acme/train",
        "--environment", "prod", "--host", "gpu-01", "-p", "train",
    )  # fmt: skip

    assert run("audit", "grants", "--audit", log).stdout.startswith("No active grants in ")
    ended = run("audit", "grants", "--audit", log, "--all").stdout.splitlines()
    assert ended[0] == "gpu-01: 2 GPUs, released"


def test_a_whole_log_holds_and_a_changed_one_does_not(run, log, folder) -> None:
    whole = run("audit", "verify", "--audit", log)
    with closing(sqlite3.connect(folder / log)) as connection:
        triggers = connection.execute("select name from sqlite_master where type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"drop trigger {name}")
        connection.execute("update events set payload = replace(payload, 'acme', 'evil')")
        connection.commit()
    changed = run("audit", "verify", "--audit", log)

    assert whole.exit_code == 0
    assert "2 events are intact" in whole.stdout
    assert changed.exit_code == 1
    assert "event 1" in changed.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["audit", "list"], "there is no audit log at {}/state/policyd/audit.db"),
        (["audit", "grants", "--audit", "nosuch.db"], "there is no audit log at {}/here/nosuch.db"),
        (
            ["audit", "show", "nosuch", "--audit", "log.db"],
            "there is no decision nosuch in",
        ),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    run, folder, log, arguments: list[str], message: str
) -> None:
    result = run(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith(f"policyd: error: {message.format(folder.parent)}")


KNOWN_HOST = """\
policyd:
  inventory:
    hosts:
      gpu-01:
        driver_version: "580"
        cuda_version: "13.0"
        gpus:
          - {index: 0, uuid: GPU-AA}
          - {index: 3, uuid: GPU-DD}
"""
RULES = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: test}
spec: {packs: [gpu], data: [hosts.yaml]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: by-request}
spec: {policy: no-gpu-via-environment, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: old-image}
spec:
  policies: [no-gpu-via-environment]
  match: {hosts: [gpu-01], services: [train]}
  expires: 2099-01-31T00:00:00Z
  owner: ml
  reason: The image reads the variable
  approvedBy: security@acme.example
"""
BY_VARIABLE = "services: {train: {image: x, environment: {NVIDIA_VISIBLE_DEVICES: gpu-dd}}}\n"
NIGHTLY = """\
services: {web: {image: x}}
jobs:
  nightly:
    image: x
    gpus: [{driver: nvidia, device_ids: ["03"]}]
    triggers: {schedule: [{cron: "0 3 * * *"}]}
"""


@pytest.fixture
def held(run, folder, logs) -> str:
    """A log with two grants of GPU 3 of a host that the inventory has, and one elsewhere."""
    if "held" in logs:
        (folder / "log.db").write_bytes(logs["held"])
        return "log.db"
    (folder / "hosts.yaml").write_text(KNOWN_HOST)
    (folder / "rules.yaml").write_text(RULES)
    for project, host, text in (
        ("train", "gpu-01", BY_VARIABLE),
        ("nightly", "gpu-01", NIGHTLY),
        ("other", "gpu-02", GPU.format(count="2")),
    ):
        (folder / "compose.yaml").write_text(text)
        done = run(
            "check", "--audit", "log.db", "--operation", "CREATE", "-p", project, "--host", host,
            "--policy-set", "rules.yaml",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
    logs["held"] = (folder / "log.db").read_bytes()
    return "log.db"


def projects(run, log: str, *arguments: str) -> list[str]:
    shown = run("audit", "grants", "--audit", log, "--format", "jsonl", *arguments).stdout
    return [json.loads(line)["project"] for line in shown.splitlines()]


@pytest.mark.thorough
def test_grants_name_kind_certainty_exceptions_and_constraints(run, held) -> None:
    lines = run("audit", "grants", "--audit", held).stdout.splitlines()

    assert [line for line in lines if not line.startswith("  ")] == [
        "gpu-02: 2 GPUs, active",
        "gpu-01: GPU 03, active",
        "gpu-01: gpu-dd (if the default runtime gives it), active",
    ]
    assert "  project nightly, service nightly (job, 0 3 * * *)" in lines
    assert lines[-2:] == ["  exceptions old-image", "  constraints by-request"]


def test_grants_as_json_name_the_gpu_by_its_identity(run, held) -> None:
    shown = run("audit", "grants", "--audit", held, "--format", "json", "--host", "gpu-01").stdout

    details = [
        {name: item[name] for name in ("kind", "certainty", "identities", "aliases", "exceptions")}
        for item in json.loads(shown)["items"]
    ]
    assert details == [
        {
            "kind": "job",
            "certainty": "certain",
            "identities": ["3"],
            "aliases": {"3": ["gpu-dd", "gpu3"]},
            "exceptions": [],
        },
        {
            "kind": "service",
            "certainty": "default-runtime",
            "identities": ["3"],
            "aliases": {"3": ["gpu-dd", "gpu3"]},
            "exceptions": ["old-image"],
        },
    ]


@pytest.mark.parametrize("gpu", ["3", "03", "GPU-DD", "gpu-dd", "nvidia.com/gpu=3"])
def test_a_grant_is_found_by_every_name_of_its_gpu(run, held, gpu: str) -> None:
    assert projects(run, held, "--gpu", gpu) == ["nightly", "train"]


def test_a_gpu_that_nobody_holds_has_no_grant(run, held) -> None:
    assert run("audit", "grants", "--audit", held, "--gpu", "GPU-AA").stdout == (
        f"No active grants in {Path(held).absolute()}.\n"
    )


def test_double_booked_gpus_are_listed(run, held) -> None:
    assert projects(run, held, "--double-booked") == ["nightly", "train"]


def test_an_empty_name_of_a_gpu_is_refused(run, held) -> None:
    result = run("audit", "grants", "--audit", held, "--gpu", " ")

    assert result.exit_code == 2
    assert "it is empty; give the name of a device" in result.stderr
