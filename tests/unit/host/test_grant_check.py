"""Grants bind: the gate in each mode, with the grants of an audit log."""

from __future__ import annotations

import json

import msgspec
import pytest

from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.host.engine_client import EngineClient
from policyd.host.existing import Existing
from policyd.host.gate import ALLOWED, Gate
from policyd.host.own_rules import OwnRules
from policyd.host.serve import grant_check
from policyd.host_settings import HostSettings
from policyd.model import Review, Source
from tests.support.daemon_requests import body, envelope
from tests.unit.host.conftest import NOW

CREATE = "/v1.41/containers/create"
COMPOSE = b"""
name: project
services:
  trainer:
    image: local/busybox:1.0
    deploy:
      replicas: 2
      resources: {reservations: {devices: [
        {driver: nvidia, device_ids: ["0", "3"], capabilities: [gpu]}]}}
"""
ASKED = json.loads(body("compose-deploy-devices-ids"))
LABELS = ASKED["Labels"]
REASON = (
    "require-grant: service trainer asks for accelerators (nvidia, reservation: 0, 3), but {} on "
    "host gpu-01. Fix: Request a review of the project for this host: policyd review "
    "--operation CREATE --host gpu-01."
)


@pytest.fixture(scope="module")
def granting(tmp_path_factory):
    """Services whose audit log has one grant: GPUs 0 and 3 of gpu-01, for two containers."""
    folder = tmp_path_factory.mktemp("granting")
    built = build(Settings(audit=str(folder / "audit.db")))
    services = msgspec.structs.replace(built, clock=lambda: NOW)
    source = Source(repository="acme/train", host="gpu-01")
    review = Review("u", "ci", NOW - 1, "CREATE", source=source)
    decision = services.decide(memory_bundle({"compose.yaml": COMPOSE}), review)
    assert decision.allowed
    yield services
    built.close()


@pytest.fixture
def gate_of(granting, engine):
    def make(mode: str = "enforce", host: str = "gpu-01") -> Gate:
        settings = HostSettings(name=host, mode=mode)
        existing = Existing(EngineClient(engine.path))
        grants = grant_check(granting, settings, existing, None)
        return Gate(granting, settings, existing, grants, OwnRules(granting.settings, settings))

    return make


def created(gate: Gate, devices: list[str] | None = None, **labels: str):
    sent = {**ASKED, "Labels": {**LABELS, **labels}}
    request = {**ASKED["HostConfig"]["DeviceRequests"][0]}
    if devices is not None:
        request["DeviceIDs"] = devices
    sent["HostConfig"] = {**ASKED["HostConfig"], "DeviceRequests": [request]}
    return gate.before(envelope(CREATE, sent))


def test_what_was_granted_may_be_created(gate_of):
    assert created(gate_of()) == ALLOWED
    assert created(gate_of(), ["3"]) == ALLOWED


@pytest.mark.parametrize(
    ("devices", "labels", "reason"),
    [
        (["1"], {}, "it was granted 0, 3"),
        (["0", "1", "3"], {}, "it was granted 0, 3"),
        (None, {"com.docker.compose.project": "other"}, "it has no active grant"),
        (
            None,
            {"com.docker.compose.project": ""},
            "it is no container of a Compose project, so it has no grant",
        ),
    ],
)
def test_what_was_not_granted_is_denied(gate_of, devices, labels, reason):
    answer = created(gate_of(), devices, **labels)

    asked = ", ".join(devices or ["0", "3"])
    expected = REASON.format(reason).replace("0, 3)", f"{asked})")
    if reason.startswith("it is no container"):
        expected = expected.replace(
            "Request a review of the project",
            "Run it as a service of a Compose project, and request a review of that",
        )
    assert answer.message.replace("service container", "service trainer").startswith(expected)


def test_a_service_that_is_written_in_another_way_has_no_grant(gate_of):
    """Its containers could not be counted: the daemon lists them by their labels as they are."""
    for service in ("/trainer", "trainer/", "trainer "):
        answer = created(gate_of(), **{"com.docker.compose.service": service})
        assert "it is no container of a Compose project, so it has no grant" in answer.message


def test_a_grant_of_another_service_and_of_another_host_does_not_count(gate_of):
    assert "service web asks" in created(gate_of(), **{"com.docker.compose.service": "web"}).message
    assert "it has no active grant on host gpu-02" in created(gate_of(host="gpu-02")).message


def test_containers_without_accelerators_need_no_grant(gate_of):
    assert gate_of().before(envelope(CREATE, body("compose-plain"))) == ALLOWED


@pytest.mark.parametrize(("mode", "action"), [("observe", "dryrun"), ("warn", "warn")])
def test_other_modes_allow_and_record(gate_of, granting, mode, action):
    assert created(gate_of(mode), ["1"]) == ALLOWED
    [record] = granting.audit.decisions(1)
    [violation] = [
        one
        for one in json.loads(record.payload)["result"]["violations"]
        if one["policy"] == "require-grant"
    ]
    assert (violation["enforcementAction"], violation["constraint"]) == (action, "host.mode")


# --- as many as were granted


def start(gate: Gate, name: str):
    return gate.before(envelope(f"/v1.41/containers/{name}/start"))


@pytest.fixture
def containers(engine):
    """The containers a to c of the service, none of which runs."""
    engine.documents |= {"/info": {"DefaultRuntime": "runc"}, "/containers/json": []}
    config = {key: ASKED[key] for key in ("Image", "Env", "Labels", "Cmd")}
    for name in "abc":
        engine.documents[f"/containers/{name}/json"] = {
            "Id": f"id-{name}",
            "Name": f"/{name}",
            "Config": config,
            "HostConfig": ASKED["HostConfig"],
        }
    return engine


def test_no_more_containers_start_than_were_granted(gate_of, containers):
    gate = gate_of()

    assert [start(gate, name).allowed for name in "abc"] == [True, True, False]
    assert "service trainer was granted 2 containers, and 2 others are running on host gpu-01" in (
        start(gate, "c").message
    )


def test_a_start_that_failed_makes_room(gate_of, containers):
    gate = gate_of()
    assert [start(gate, name).allowed for name in "ab"] == [True, True]
    gate.after(envelope("/v1.41/containers/a/start", ResponseStatusCode=500))

    assert start(gate, "c") == ALLOWED


def test_running_containers_count(gate_of, containers):
    gate = gate_of()
    containers.documents["/containers/json"] = [{"Id": "id-a"}, {"Id": "id-b"}]

    assert start(gate, "b") == ALLOWED
    assert not start(gate, "c").allowed
    assert '"com.docker.compose.service=trainer"' in containers.asked[-1]


def test_nothing_starts_while_the_daemon_does_not_say_what_runs(gate_of, containers):
    containers.documents["/containers/json"] = "{"

    assert start(gate_of(), "a").message.startswith("the Docker daemon did not answer with JSON")
