"""What real daemons and clients sent: the grants and the verdict of each."""

from __future__ import annotations

import json

import pytest

from policyd.host.container_request import read_creation
from policyd.host.folded_json import read_object
from policyd.model import Review
from tests.support.cases import cases
from tests.support.daemon_requests import body, recorded
from tests.unit.host.conftest import NOW

COUNTED = {"count": 2}
EXPECTED: dict[str, tuple[set[str], list[tuple[str, object]]]] = {
    "cli-run-cgroup-rule": (
        {"no-device-cgroup-rules", "no-host-dev-mounts"},
        [("mount", "all"), ("cgroup-rule", "all")],
    ),
    "cli-run-device-cdi": (set(), [("cdi", ("nvidia.com/gpu=0",))]),
    "cli-run-device-dri": ({"no-raw-device-nodes"}, [("device-node", ("/dev/dri",))]),
    "cli-run-device-null": (set(), []),
    "cli-run-device-nvidia0": (
        {"no-raw-device-nodes"},
        [("device-node", ("/dev/nvidia-uvm", "/dev/nvidia0"))],
    ),
    "cli-run-env-visible": ({"no-all-gpus", "no-gpu-via-environment"}, [("environment", "all")]),
    "cli-run-gpus-2": ({"require-gpu-driver"}, [("reservation", COUNTED)]),
    "cli-run-gpus-all": ({"no-all-gpus", "require-gpu-driver"}, [("reservation", "all")]),
    "cli-run-gpus-all-caps": ({"no-all-gpus", "require-gpu-driver"}, [("reservation", "all")]),
    "cli-run-gpus-device-caps": (set(), [("reservation", ("1", "GPU-3a23c669"))]),
    "cli-run-gpus-device-quoted": ({"require-gpu-driver"}, [("reservation", ("0", "1"))]),
    "cli-run-gpus-device-unquoted": ({"require-gpu-driver"}, [("reservation", ("0",))]),
    "cli-run-mount-sock": ({"no-docker-socket"}, [("api-socket", "all")]),
    "cli-run-pid-host": ({"no-host-namespaces"}, []),
    "cli-run-plain": (set(), []),
    "cli-run-privileged": ({"no-privileged"}, [("privileged", "all")]),
    "cli-run-runtime-nvidia": ({"no-all-gpus", "no-nvidia-runtime"}, [("runtime", "all")]),
    "cli-run-sock": ({"no-docker-socket"}, [("api-socket", "all")]),
    "cli-run-volume-opt-bind": ({"no-host-dev-mounts"}, [("mount", "all")]),
    "cli-run-volumes-from": ({"no-foreign-container-sharing"}, []),
    "compose-bind-dev": ({"no-host-dev-mounts"}, [("mount", "all")]),
    "compose-caps-secopt": (
        {"no-dangerous-capabilities", "no-device-cgroup-rules"},
        [("cgroup-rule", "all")],
    ),
    "compose-cdi-deploy": (set(), [("cdi", ("nvidia.com/gpu=0",))]),
    "compose-cdi-devices": ({"no-all-gpus"}, [("cdi", "all")]),
    "compose-deploy-devices-count-all": ({"no-all-gpus"}, [("reservation", "all")]),
    "compose-deploy-devices-count2": (set(), [("reservation", COUNTED)]),
    "compose-deploy-devices-ids": (set(), [("reservation", ("0", "3"))]),
    "compose-deploy-devices-nocount-nodriver": (
        {"no-all-gpus", "require-gpu-driver"},
        [("reservation", "all")],
    ),
    "compose-devices-dri-dir": (
        {"no-raw-device-nodes"},
        [("device-node", ("/dev/dri", "/dev/kfd"))],
    ),
    "compose-devices-null": (set(), []),
    "compose-devices-nvidia0": (
        {"no-raw-device-nodes"},
        [("device-node", ("/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidiactl"))],
    ),
    "compose-docker-sock-long": ({"no-docker-socket"}, [("api-socket", "all")]),
    "compose-docker-sock-short": ({"no-docker-socket"}, [("api-socket", "all")]),
    "compose-env-only": ({"no-all-gpus", "no-gpu-via-environment"}, [("environment", "all")]),
    "compose-gpus-all": ({"no-all-gpus", "require-gpu-driver"}, [("reservation", "all")]),
    "compose-gpus-count-minus1": ({"no-all-gpus", "require-gpu-driver"}, [("reservation", "all")]),
    "compose-gpus-list": (set(), [("reservation", {"count": 1}), ("reservation", ("GPU-1234",))]),
    "compose-limits-labels": (set(), []),
    "compose-network-host": (set(), []),
    "compose-pid-host-ipc-uts": ({"no-host-namespaces"}, []),
    "compose-plain": (set(), []),
    "compose-privileged": ({"no-privileged"}, [("privileged", "all")]),
    "compose-recreate": ({"no-all-gpus", "no-nvidia-runtime"}, [("runtime", "all")]),
    "compose-run-oneoff": ({"no-all-gpus", "no-nvidia-runtime"}, [("runtime", "all")]),
    "compose-runtime-nvidia-env": ({"no-all-gpus", "no-nvidia-runtime"}, [("runtime", "all")]),
    "compose-runtime-nvidia-volumes-mount": (
        {"no-all-gpus", "no-gpu-via-volume-request", "no-nvidia-runtime"},
        [("runtime", ("/var/run/nvidia-container-devices",)), ("mount", "all")],
    ),
    "compose-use-api-socket": ({"no-docker-socket"}, [("api-socket", "all")]),
    "raw-lowercase-keys": ({"no-all-gpus", "no-privileged", "require-gpu-driver"}, []),
}
OTHER_FORMS = {
    *("container-update", "exec-create-privileged", "swarm-service-create"),
    *("raw-duplicate-keys", "raw-duplicate-keys-case", "raw-start-with-hostconfig-api123"),
    "volume-create-bind-dev",
}
"""Bodies of other requests, and those that are refused before anything is evaluated."""


def test_every_recorded_body_is_expected():
    assert set(recorded()["bodies"]) == EXPECTED.keys() | OTHER_FORMS


@pytest.mark.thorough
@cases("name", EXPECTED)
def test_a_recorded_request_gets_the_verdict_of_the_default_policy_set(name, services):
    content = body(name)
    review = Review(uid="u", enforcement_point="daemon", now=NOW, operation="CREATE")
    asked = read_creation(read_object(content))

    admission = services.rules.admissions()[0]
    decision = admission.decide(asked.loaded(content), review)

    denying, grants = EXPECTED[name]
    found = {one.policy for one in decision.violations if one.enforcement_action == "deny"}
    assert (found, decision.allowed) == (denying, not denying)
    if grants or not denying:
        assert [(grant.method, grant.devices) for grant in decision.grants] == grants


def test_names_come_from_the_labels_of_compose():
    content = body("compose-gpus-list")
    asked = read_creation(read_object(content), "project-trainer-1")

    assert (asked.project, asked.service) == ("project", "trainer")
    assert "labels" not in asked.keys
    assert json.loads(content)["Labels"]["com.docker.compose.project"] == "project"
