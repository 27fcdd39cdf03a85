from __future__ import annotations

import csv
import io
import json

import msgspec

from policyd.audit.event import GrantRecord
from policyd.formats.grants import (
    Grants,
    as_csv,
    as_json,
    as_json_lines,
    certainty,
    devices,
    text,
    workload,
)
from policyd.model import GrantedDevices
from tests.support.cases import cases

RECORD = GrantRecord(
    sequence=3,
    position=1,
    decision_id="d-1",
    time="2027-01-15T08:00:00.123456789Z",
    repository="acme/train",
    environment="prod",
    host="gpu-01",
    project="train",
    service="web",
    vendor="nvidia",
    method="gpus",
    devices={"count": 2},
    replicas=3,
    username="ana",
    policy_set="gpu-hosts",
    revision="sha256:11",
    state="active",
    kind="service",
    certainty="certain",
    exceptions=("own", "night"),
    entitlements=("training",),
    constraints=("max-gpus", "no-all-gpus"),
)


def test_each_grant_is_a_block_of_lines() -> None:
    assert (
        text(Grants("log.db", [RECORD], 200, active=True))
        == """\
gpu-01: 2 GPUs, active
  since 2027-01-15T08:00:00Z
  acme/train, project train, service web, environment prod
  grant 3.1 for ana: nvidia by gpus, 3 replicas
  decision d-1 by gpu-hosts sha256:11
  entitlements training
  exceptions own, night
  constraints max-gpus, no-all-gpus
"""
    )


@cases(
    ("changes", "service", "named"),
    [
        ({"kind": "hook", "hook": 0}, "web (hook 0)", "2 GPUs"),
        ({"kind": "job", "schedule": ("@daily",)}, "web (job, @daily)", "2 GPUs"),
        ({"kind": "job", "certainty": "unknown"}, "web (job)", "2 GPUs (not certain)"),
        ({"certainty": "default-runtime"}, "web", "2 GPUs (if the default runtime gives it)"),
        ({"certainty": None, "kind": None}, "web", "2 GPUs (certainty not recorded)"),
    ],
)
def test_the_kind_of_workload_and_what_is_not_certain_are_named(
    changes: dict[str, object], service: str, named: str
) -> None:
    record = msgspec.structs.replace(RECORD, **changes)

    assert workload(record) == service
    assert devices(record.devices, record.method) + certainty(record) == named


def test_a_grant_says_when_it_ended_or_expires_and_fits_the_terminal() -> None:
    changes = {
        "repository": "acme/" + "platform/" * 5 + "train",
        "devices": tuple(f"GPU-{number:08}-1111-2222-3333-444444444444" for number in range(3)),
        "environment": "",
        "username": "",
        "replicas": 1,
        "exceptions": (),
    }
    ended = msgspec.structs.replace(
        RECORD, **changes, state="expired", ended="2027-01-16T08:00:00.000000000Z"
    )
    running = msgspec.structs.replace(RECORD, expires="2027-01-17T08:00:00.000000000Z")
    shown = text(Grants("log.db", [ended, running], 2, active=False))

    assert "  since 2027-01-15T08:00:00Z until 2027-01-16T08:00:00Z\n" in shown
    assert "  since 2027-01-15T08:00:00Z, expires 2027-01-17T08:00:00Z\n" in shown
    assert "  grant 3.1: nvidia by gpus, 1 replica\n" in shown
    assert shown.endswith("\n\nThese are the newest 2; list more with --limit.\n")
    assert max(map(len, shown.splitlines())) <= 80


def test_grants_as_csv_never_act_in_a_spreadsheet() -> None:
    evil = msgspec.structs.replace(RECORD, repository="=1+1", devices=("2",), username="@a,b")
    header, row = csv.reader(io.StringIO(as_csv(Grants("log.db", [evil], 1, active=True))))

    found = dict(zip(header, row, strict=True))
    assert (found["repository"], found["devices"], found["username"]) == ("'=1+1", '["2"]', "'@a,b")
    assert (found["sequence"], found["exceptions"], found["hook"]) == ("3", '["own","night"]', "")
    assert (found["entitlements"], found["constraints"]) == (
        '["training"]', '["max-gpus","no-all-gpus"]',
    )  # fmt: skip


def test_grants_as_lines_are_those_of_the_list() -> None:
    grants = Grants("log.db", [RECORD, RECORD], 200, active=True)

    lines = as_json_lines(grants).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(as_json(grants))["items"]


def test_no_grants_are_a_sentence_that_names_the_log() -> None:
    assert text(Grants("log.db", [], 200, active=True)) == "No active grants in log.db.\n"
    assert text(Grants("log.db", [], 200, active=False)) == "No grants in log.db.\n"


def test_a_full_page_as_json_names_the_next_one() -> None:
    page = json.loads(as_json(Grants("log.db", [RECORD], 1, active=True)))

    assert (page["kind"], page["next"], len(page["items"])) == ("GrantList", "3.1", 1)


@cases(
    ("method", "granted", "shown"),
    [
        ("gpus", "all", "all"),
        ("gpus", {"count": 1}, "1 GPU"),
        ("gpus", {"count": 2}, "2 GPUs"),
        ("reservation", ("1",), "GPU 1"),
        ("reservation", ("0", "0:1"), "GPU 0,0:1"),
        ("reservation", ("GPU-aa",), "GPU-aa"),
        ("reservation", ("mig-aa",), "mig-aa"),
        ("cdi", ("nvidia.com/gpu=0",), "nvidia.com/gpu=0"),
        ("device-node", ("/dev/kfd",), "/dev/kfd"),
        ("cgroup-rule", ("195:0",), "195:0"),
    ],
)
def test_number_of_gpus_is_told_from_the_id_of_one(
    method: str, granted: GrantedDevices, shown: str
) -> None:
    assert devices(granted, method) == shown
