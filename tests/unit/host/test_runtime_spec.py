"""What the kernel would give to a container, read from configurations of runc."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from policyd.errors import RequestError
from policyd.host.device_numbers import DeviceNumbers
from policyd.host.runtime_spec import Spec, SpecDevice, SpecMount, read_spec, requested, truth
from tests.support.oci_configs import ID, LEGACY_HOOK, allow, bind, config, device, encoded

OTHER = f"/var/lib/docker/containers/{'0' * 64}"
UNREADABLE = [b"", b"[]", b'{"linux": []}', b'{"mounts": [1]}', b'{"a":1,"A":1}']


def spec(**changes: Any) -> Spec:
    return read_spec(encoded(**changes), ID, DeviceNumbers(Path("/none"), Path("/none")))


def test_a_plain_container_gets_nothing_of_the_host() -> None:
    assert spec() == Spec(
        state=f"/var/lib/docker/containers/{ID}",
        root="/var/lib/docker",
        environment={"PATH": "/usr/bin:/bin", "HOSTNAME": "f1d345cac1f4"},
        devices=(),
        mounts=(),
        rules=(),
        capabilities=(),
        namespaces=(),
        all_devices=False,
        has_gpu_hook=False,
    )


def test_a_device_is_what_its_numbers_say() -> None:
    found = spec(devices=[device("/dev/x", 195, 1), device("/dev/y", 99, 0)])

    assert found.devices == (
        SpecDevice("/dev/x", "/dev/nvidia1", "rwm"), SpecDevice("/dev/y", "", "rwm"),
    )  # fmt: skip
    assert found.rules == ()


@pytest.mark.parametrize(
    ("rule", "rules", "all_devices"),
    [
        (allow("c", 195, -1), ("c 195:* rwm",), False),
        (allow("c", 195, 0, "rw"), ("c 195:0 rw",), False),
        (allow("c", -1, -1, "m"), (), False),
        (allow("b", -1, -1, "m"), (), False),
        (allow("c", 136, -1), (), False),
        ({"allow": True, "access": "rwm"}, (), True),
        (allow("a", -1, -1), (), True),
        (allow("c", -1, -1), ("c *:* rwm",), False),
    ],
)
def test_rules_beyond_the_devices_are_found(rule, rules, all_devices) -> None:
    found = spec(rules=[rule])

    assert (found.rules, found.all_devices) == (rules, all_devices)


def test_mounts_are_paths_of_the_host_without_links_and_volumes(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")

    found = spec(
        mounts=[
            bind(f"{tmp_path}/link", "/a", "ro"),
            bind("/srv", "/recursively", "rro"),
            bind("/var/lib/docker/volumes/data/_data", "/b"),
            bind(f"{OTHER}/mounts/shm", "/dev/shm"),
            bind(f"{OTHER}/hosts", "/etc/hosts"),
            bind(f"{OTHER}/hosts", "/hosts"),
            bind(f"{OTHER}/config.v2.json", "/etc/hosts"),
            bind("/dev/shm", "/dev/shm"),
            bind("/srv", "/dev/shm", "shared"),
            {"destination": "/c", "type": "none", "source": "/opt", "options": ["bind"]},
        ]
    )

    assert found.mounts == (
        SpecMount("/etc", "/a", True, leaves_writable=True),
        SpecMount("/srv", "/recursively", True),
        SpecMount("/var/lib/docker/volumes/data/_data", "/b", False, volume="data"),
        SpecMount(f"{OTHER}/hosts", "/hosts", False),
        SpecMount(f"{OTHER}/config.v2.json", "/etc/hosts", False),
        SpecMount("/dev/shm", "/dev/shm", False),
        SpecMount("/srv", "/dev/shm", False, "shared"),
        SpecMount("/opt", "/c", False),
    )
    with pytest.raises(RequestError) as raised:
        spec(mounts=[bind("etc", "/a")])
    assert str(raised.value) == "config.json has a bind mount whose source is not absolute"


def test_the_folder_of_the_engine_is_known_by_its_own_files_only() -> None:
    other = config(root="/data")
    assert read_spec(json.dumps(other).encode(), "0" * 64, DeviceNumbers()).state == ""
    moved = [bind(f"/evil/containers/{ID}/hosts", "/hosts"), *config()["mounts"]]
    assert spec(mounts=moved[:1]).root == "/var/lib/docker"
    assert spec(root="/data").root == "/data"


def test_a_container_cannot_choose_the_folder_of_the_engine() -> None:
    """The engine leaves out its own file where a container mounts one of that name."""
    forged = [bind(f"/home/u/containers/{ID}/{name}", f"/etc/{name}") for name in ("hosts",)]
    engine = config()
    engine["mounts"] = [*forged, *engine["mounts"]]
    found = read_spec(json.dumps(engine).encode(), ID, DeviceNumbers())
    assert found.root == "/var/lib/docker"
    assert found.mounts == (SpecMount(f"/home/u/containers/{ID}/hosts", "/etc/hosts", False),)

    engine["mounts"] = forged
    assert read_spec(json.dumps(engine).encode(), ID, DeviceNumbers()).root == ""


def test_only_what_the_engine_mounts_of_its_own_folder_is_left_out() -> None:
    own = f"/var/lib/docker/containers/{ID}"
    found = spec(
        mounts=[bind(f"{own}/mounts/secrets/s1", "/run/secrets/s1"), bind(own, "/etc/hosts")]
    )
    assert found.mounts == (SpecMount(own, "/etc/hosts", False),)


def test_the_shared_memory_of_the_host_is_left_out_where_the_namespace_is_shared() -> None:
    mounts = [bind("/dev/shm", "/dev/shm"), bind("/dev/shm", "/x")]
    found = spec(mounts=mounts, shared=("ipc",))

    assert found.mounts == (SpecMount("/dev/shm", "/x", False),)
    assert found.namespaces == ("ipc",)


def test_capabilities_and_namespaces_beyond_the_default() -> None:
    found = spec(capabilities=["CAP_SYS_ADMIN"], shared=("pid", "network"))

    assert found.capabilities == ("SYS_ADMIN",)
    assert found.namespaces == ("pid", "network_mode")


@pytest.mark.parametrize(
    ("hooks", "expected"),
    [
        (LEGACY_HOOK, True),
        ({"createRuntime": [{"path": "/opt/nvidia-container-toolkit"}]}, True),
        ({"createContainer": [{"path": "/usr/bin/nvidia-cdi-hook", "args": ["x"]}]}, False),
        ({}, False),
    ],
)
def test_a_hook_that_reads_variables_is_found(hooks, expected: bool) -> None:
    assert spec(hooks=hooks).has_gpu_hook is expected


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"linux": []}', b'{"mounts": [1]}', b'{"a":1,"A":1}']
)
def test_a_configuration_that_cannot_be_read_is_an_error(content: bytes) -> None:
    with pytest.raises(RequestError):
        read_spec(content, ID, DeviceNumbers())


def test_devices_of_the_service_become_what_they_are_and_added_ones_stay_out() -> None:
    found = spec(
        devices=[
            device("/dev/x", 195, 1),
            device("/dev/nodes/a", 226, 128),
            device("/dev/nvidia0", 195, 0),
        ]
    )
    keys = {
        "devices": [
            {"source": "/tmp/link", "target": "/dev/x", "permissions": "rwm"},
            {"source": "/tmp/nodes", "target": "/dev/nodes", "permissions": "rwm"},
            {"source": "nvidia.com/gpu=0", "target": "nvidia.com/gpu=0", "permissions": "rwm"},
        ]
    }

    true = truth(found, keys)

    assert [one["source"] for one in true["devices"]] == [
        "nvidia.com/gpu=0", "/dev/nvidia1", "/dev/dri/renderD128",
    ]  # fmt: skip
    assert [one.target for one in requested(found, keys)] == ["/dev/x", "/dev/nodes/a"]


def test_the_service_gets_what_the_kernel_would_give() -> None:
    found = spec(
        rules=[allow("c", 195, -1)],
        capabilities=["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"],
        shared=("pid",),
        mounts=[bind("/", "/host", "ro")],
    )
    keys = {
        "cap_add": ["CAP_SYS_PTRACE"],
        "volumes": [
            {"type": "bind", "source": "/tmp/link", "target": "/host"},
            {"type": "tmpfs", "source": "", "target": "/t"},
        ],
    }

    true = truth(found, keys)

    assert true == {
        "cap_add": ["CAP_SYS_PTRACE", "SYS_ADMIN"],
        "device_cgroup_rules": ["c 195:* rwm"],
        "devices": [],
        "pid": "host",
        "volumes": [
            {"type": "tmpfs", "source": "", "target": "/t"},
            {
                "type": "bind",
                "source": "/",
                "target": "/host",
                "read_only": True,
                "bind": {"recursive": "writable"},
            },
        ],
    }
    assert truth(spec(rules=[{"allow": True, "access": "rwm"}]), {})["privileged"] is True
