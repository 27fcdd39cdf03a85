from __future__ import annotations

import json

import msgspec
import pytest

from policyd.audit.event import GrantRecord
from policyd.formats.grants import Grants, as_json, certainty, devices, text, workload
from policyd.model import GrantedDevices

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
)


def test_each_grant_is_a_row() -> None:
    assert (
        text(Grants("log.db", [RECORD], 200, active=True))
        == """\
SINCE                 REPOSITORY  PROJECT  ENVIRONMENT  HOST    SERVICE  VENDOR  METHOD  \
DEVICES  REPLICAS  BY   EXCEPTIONS  STATE
2027-01-15T08:00:00Z  acme/train  train    prod         gpu-01  web      nvidia  gpus    \
2 GPUs   3         ana  own,night   active
"""
    )


@pytest.mark.parametrize(
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


def test_no_grants_are_a_sentence_that_names_the_log() -> None:
    assert text(Grants("log.db", [], 200, active=True)) == "No active grants in log.db.\n"
    assert text(Grants("log.db", [], 200, active=False)) == "No grants in log.db.\n"


def test_a_full_page_as_json_names_the_next_one() -> None:
    page = json.loads(as_json(Grants("log.db", [RECORD], 1, active=True)))

    assert (page["kind"], page["next"], len(page["items"])) == ("GrantList", "3.1", 1)


@pytest.mark.parametrize(
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
