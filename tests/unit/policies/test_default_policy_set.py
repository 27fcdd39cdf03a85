"""The default policy set: what it denies on a host whose GPUs are shared, and what it allows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.loading import prepare
from policyd.model import Decision, Review
from policyd.policies.policy_set import load_policy_set
from tests.support import granting, harmless
from tests.support.cases import cases

REVIEW = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)

WHOLE_POLICIES = {
    "known-accelerator-vendor",
    "no-all-gpus",
    "no-build-privileges",
    "no-device-cgroup-rules",
    "no-docker-socket",
    "no-foreign-container-sharing",
    "no-gpu-admin-features",
    "no-gpu-via-annotations",
    "no-gpu-via-environment",
    "no-gpu-via-volume-request",
    "no-host-dev-mounts",
    "no-host-disk-or-memory-devices",
    "no-host-proc-sys-mounts",
    "no-host-root-mount",
    "no-host-service-sockets",
    "no-host-system-mounts",
    "no-nvidia-runtime",
    "no-privileged",
    "no-privileged-hooks",
    "no-provider-services",
    "no-raw-device-nodes",
    "no-remote-includes",
    "no-runtime-config-mounts",
    "no-unresolved-gpu-selection",
    "no-unvetted-runtime",
    "require-gpu-driver",
}
PARTS = {
    "no-dangerous-capabilities": {
        "capabilities": [
            "ALL",
            "SYS_ADMIN",
            "SYS_MODULE",
            "SYS_RAWIO",
            "DAC_READ_SEARCH",
            "BPF",
            "PERFMON",
        ]
    },
    "no-host-namespaces": {"namespaces": ["pid"]},
    "no-unconfined-profiles": {"settings": ["systempaths"]},
}


@pytest.fixture(scope="module")
def admission() -> Iterator[Admission]:
    policy_set = load_policy_set()
    engine = EmbeddedEngine(policy_set.modules, policy_set.data, 10)
    yield Admission(engine, policy_set)
    engine.close()


def decide(admission: Admission, project: dict[str, Any]) -> Decision:
    files = {
        "compose.yaml": json.dumps(project).encode(),
        "token.txt": b"secret",
        "Dockerfile": b"FROM alpine\n",
    }
    return admission.decide(prepare(memory_bundle(files, environment={"HOME": "/home/a"})), REVIEW)


def test_these_policies_are_in_force_at_deny():
    policy_set = load_policy_set()

    assert {c.policy: c.parameters for c in policy_set.constraints} == (
        {policy: {} for policy in WHOLE_POLICIES} | PARTS
    )
    assert {action for c in policy_set.constraints for action in c.actions.items()} == {
        ("default", "deny")
    }


HARMLESS = list(harmless.projects(1000, seed=12))
BATCHES = 5
"""The harmless projects are decided in parts, so that processes share them."""


def test_a_thousand_harmless_projects_are_distinct():
    assert len({json.dumps(project, sort_keys=True) for project in HARMLESS}) == 1000


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_thousand_harmless_projects_are_allowed(admission: Admission, batch: int):
    for project in HARMLESS[batch::BATCHES]:
        decision = decide(admission, project)

        found = [(v.policy, v.path, v.message) for v in decision.violations]
        assert (decision.status.message, found) == ("no policy denies", []), json.dumps(project)


def reserved(**fields: Any) -> dict[str, Any]:
    device = {"driver": "nvidia", "capabilities": ["gpu"], **fields}
    return {"deploy": {"resources": {"reservations": {"devices": [device]}}}}


ALL_DEVICES: dict[str, dict[str, Any]] = {
    "reservation": reserved(count="all"),
    "reservation by id": reserved(device_ids=["0", "all"]),
    "reservation of a CDI name": reserved(driver="cdi", device_ids=["nvidia.com/gpu=all"]),
    "gpus": {"gpus": "all"},
    "cdi": {"devices": ["nvidia.com/gpu=all"]},
    "cdi of AMD": {"devices": ["amd.com/gpu=all"]},
    "cdi by annotation": {"annotations": {"cdi.k8s.io/x": "nvidia.com/gpu=all"}},
    "runtime": {"runtime": "nvidia"},
    "runtime of AMD": {"runtime": "amd"},
    "runtime of Habana": {"runtime": "habana", "environment": {"HABANA_VISIBLE_DEVICES": "all"}},
    "runtime with any name": {"runtime": "fast"},
    "environment": {"environment": {"NVIDIA_VISIBLE_DEVICES": "all"}},
    "environment of AMD": {"environment": {"AMD_VISIBLE_DEVICES": "all"}},
    "legacy image": {"environment": {"CUDA_VERSION": "12.4"}},
    "dockerfile": {
        "build": {
            "context": ".",
            "dockerfile_inline": "FROM alpine\nENV NVIDIA_VISIBLE_DEVICES=all\n",
        }
    },
    "device node of everything": {"devices": ["/dev"]},
    "device nodes by root": {"devices": ["/"]},
    "device nodes by number": {"devices": ["/dev/char"]},
    "mount of the root": {"volumes": ["/:/host:ro"]},
    "mount of devices": {"volumes": ["/dev:/host/dev:ro"]},
    "mount of the driver": {"volumes": ["/run/nvidia/driver:/driver"]},
    "volume request": {"volumes": ["/dev/null:/var/run/nvidia-container-devices/all"]},
    "cgroup rule of everything": {"device_cgroup_rules": ["a *:* rwm"]},
    "cgroup rule of a driver": {"device_cgroup_rules": ["c 195:* rw"]},
    "privileged": {"privileged": True},
    "privileged hook": {"pre_start": [{"command": ["x"], "image": "y", "privileged": True}]},
    "hook": {"pre_start": [{"command": ["x"], "image": "y", "gpus": "all"}]},
    "API socket": {"use_api_socket": True},
    "socket": {"volumes": ["/var/run/docker.sock:/var/run/docker.sock:ro"]},
    "folder of a socket": {"volumes": ["/run:/host/run:ro"]},
    "privileged build": {"build": {"context": ".", "privileged": True}},
    "insecure build": {"build": {"context": ".", "entitlements": ["security.insecure"]}},
    "device in a build": {
        "build": {
            "context": ".",
            "dockerfile_inline": "FROM alpine\nRUN --device=nvidia.com/gpu=all true\n",
        }
    },
}


@pytest.mark.thorough
@cases("way", ALL_DEVICES)
def test_every_way_to_all_devices_is_denied(admission: Admission, way: str):
    service = {"image": "registry.example/app:1", **ALL_DEVICES[way]}

    decision = decide(admission, {"services": {"app": service}})

    assert "all" in [grant.devices for grant in decision.grants]
    assert {v.service for v in decision.violations if v.enforcement_action == "deny"} == {"app"}
    assert (decision.allowed, decision.status.code) == (False, 403)


def _ways_to_all_by_the_tables() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, vendor and service for each row of the tables that can give all devices."""
    known = granting.tables()
    for driver, vendor in (*known.data.drivers.items(), ("acme", "unknown")):
        yield "reservation", vendor, reserved(driver=driver, count="all")
        yield "reservation", vendor, reserved(driver=driver, device_ids=["all"])
        yield "gpus", vendor, {"gpus": [{"driver": driver, "count": "all"}]}
    for domain, vendor in (*known.data.cdi_vendors.items(), ("acme.example", "unknown")):
        name, volume = f"{domain}/gpu=all", f"cdi/{domain}/gpu/all"
        yield "cdi", vendor, {"devices": [name]}
        yield "cdi", vendor, {"annotations": {"cdi.k8s.io/x": name}}
        yield "cdi", vendor, reserved(driver="cdi", device_ids=[name])
        target = f"/var/run/nvidia-container-devices/{volume}"
        yield "mount", vendor, {"volumes": [f"/dev/null:{target}"]}
        dockerfile = f"FROM alpine\nRUN --device={name} true\n"
        yield "build", vendor, {"build": {"context": ".", "dockerfile_inline": dockerfile}}
    for variable, family in known.variables.items():
        vendor = known.families[family].vendor
        yield "environment", vendor, {"environment": {variable: "all"}}
        yield "runtime", vendor, {"runtime": family, "environment": {variable: "all"}}
        dockerfile = f"FROM alpine\nENV {variable}=all\n"
        yield "environment", vendor, {"build": {"context": ".", "dockerfile_inline": dockerfile}}
    for family, row in known.families.items():
        if not row.needs_variable:
            yield "runtime", row.vendor, {"runtime": family}
    folders = {**known.data.driver_trees, **known.data.driver_directories}
    for folder, vendor in folders.items():
        yield "mount", vendor, {"volumes": [f"{folder}:/x:ro"]}
    for major, vendor in known.data.majors.items():
        yield "cgroup-rule", vendor, {"device_cgroup_rules": [f"c {major}:* r"]}
    sockets = known.data.sockets
    for socket in (*sockets.paths, *sockets.directories):
        yield "api-socket", "unknown", {"volumes": [f"{socket}:/x:ro"]}


BY_TABLES = list(_ways_to_all_by_the_tables())


@pytest.mark.thorough
@cases("way", BY_TABLES, ids=lambda way: f"{way[0]}-{way[1]}")
def test_all_devices_by_any_row_of_the_tables_are_denied(
    admission: Admission, way: tuple[str, str, dict[str, Any]]
):
    method, vendor, fields = way

    decision = decide(admission, {"services": {"app": {"image": "x", **fields}}})

    assert (method, vendor, "all") in [(g.method, g.vendor, g.devices) for g in decision.grants]
    assert {v.service for v in decision.violations} == {"app"}
    assert not decision.allowed


# The host itself, without a grant of a device.
WAYS_OUT: dict[str, tuple[dict[str, Any], str]] = {
    "physical memory": ({"devices": ["/dev/mem"]}, "no-host-disk-or-memory-devices"),
    "a disk": ({"volumes": ["/dev/sda:/d:ro"]}, "no-host-disk-or-memory-devices"),
    "all capabilities": ({"cap_add": ["ALL"]}, "no-dangerous-capabilities"),
    "settings of the host": ({"volumes": ["/etc:/x"]}, "no-runtime-config-mounts"),
    "programs of the host": ({"volumes": ["/usr/bin:/x"]}, "no-host-system-mounts"),
    "kernel settings": ({"volumes": ["/proc/sys:/x"]}, "no-host-proc-sys-mounts"),
    "system bus": ({"volumes": ["/run/dbus:/x:ro"]}, "no-host-service-sockets"),
    "processes": ({"pid": "host"}, "no-host-namespaces"),
    "kernel paths": ({"security_opt": ["systempaths=unconfined"]}, "no-unconfined-profiles"),
    "foreign container": ({"volumes_from": ["container:x"]}, "no-foreign-container-sharing"),
    "program of a provider": ({"provider": {"type": "x"}}, "no-provider-services"),
    "MIG": ({"environment": {"NVIDIA_MIG_CONFIG_DEVICES": "all"}}, "no-gpu-admin-features"),
}


@cases("way", WAYS_OUT)
def test_ways_to_the_host_are_denied(admission: Admission, way: str):
    fields, policy = WAYS_OUT[way]

    decision = decide(admission, {"services": {"app": {"image": "x", **fields}}})

    assert [v.policy for v in decision.violations] == [policy]
    assert not decision.allowed
