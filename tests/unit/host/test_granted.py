"""Receipts in a folder cover the containers whose settings were reviewed."""

from __future__ import annotations

import json

import pytest

from policyd.bundle import memory_bundle
from policyd.host.container_request import read_creation
from policyd.host.folded_json import read_object
from policyd.host.granted import Receipts
from policyd.loading import load_project
from policyd.receipts.coverage import admitted
from tests.support.daemon_requests import body
from tests.support.granting import resolver
from tests.support.receipts import KEY, NOW, OTHER_KEY, receipt

COMPOSE = b"""
name: project
services:
  trainer:
    image: local/busybox:1.0
    deploy:
      replicas: 2
      resources: {reservations: {devices: [
        {driver: nvidia, device_ids: ["0", "3"], capabilities: [gpu], options: OPTIONS}]}}
"""
HOST = "gpu-01"


def asked_workload():
    content = body("compose-deploy-devices-ids")
    [workload] = read_creation(read_object(content)).loaded(content).workloads
    return resolver().resolve([workload], HOST)[0]


def text(key=KEY, **changes: object) -> bytes:
    options = json.loads(body("compose-deploy-devices-ids"))["HostConfig"]["DeviceRequests"][0]
    compose = COMPOSE.replace(b"OPTIONS", json.dumps(options["Options"]).encode())
    loaded = load_project(memory_bundle({"compose.yaml": compose}))
    workloads = resolver().resolve(loaded.workloads, HOST)
    given = {
        "project": "project",
        "workloads": admitted(workloads),
        "grants": resolver().listed(workloads, HOST),
        **changes,
    }
    return receipt(key, **given)


@pytest.fixture
def replicas(tmp_path):
    """A function that returns how many containers receipts allow."""
    receipts = Receipts(str(tmp_path), [KEY.public], HOST, lambda: NOW)

    def ask(project: str = "project", service: str = "trainer") -> int:
        return receipts.replicas(project, service, asked_workload())

    return ask


def test_a_receipt_covers_the_container_that_compose_creates(tmp_path, replicas):
    (tmp_path / "a.receipt").write_bytes(text())

    assert replicas() == 2
    assert (replicas("other"), replicas(service="web")) == (0, 0)


def test_a_receipt_of_another_key_or_host_does_not_count(tmp_path, replicas):
    (tmp_path / "a.receipt").write_bytes(text(OTHER_KEY))
    (tmp_path / "b.receipt").write_bytes(b"{}")

    assert replicas() == 0


def test_a_receipt_counts_from_when_it_is_there_until_it_is_removed(tmp_path, replicas):
    file = tmp_path / "a.receipt"
    assert replicas() == 0
    file.write_bytes(text())
    assert replicas() == 2
    file.unlink()
    assert replicas() == 0


def test_a_container_with_other_settings_is_not_covered(tmp_path, replicas):
    [changed] = admitted([asked_workload()])
    file = tmp_path / "a.receipt"
    file.write_bytes(text(workloads=[type(changed)("w", "trainer", "service", 2, "sha256:0")]))

    assert replicas() == 0


def test_a_folder_that_is_missing_or_no_folder_has_no_receipts(tmp_path):
    (tmp_path / "file").write_bytes(text())
    (tmp_path / "folder" / "nested").mkdir(parents=True)

    for name in ("missing", "file", "folder"):
        found = Receipts(str(tmp_path / name), [KEY.public], HOST, lambda: NOW).of("project")
        assert list(found) == []
