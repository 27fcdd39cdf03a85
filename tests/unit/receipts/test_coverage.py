"""The digest of a container's settings: the same for equal rights, another one for any other."""

from __future__ import annotations

from typing import Any

import msgspec

from policyd.model import ImageConfig, Path
from policyd.receipts.coverage import admitted, is_covered, workload_digest, workload_digests
from policyd.workloads.model import (
    CgroupRule,
    Device,
    DeviceRequest,
    Inherited,
    Mount,
    Selector,
    Workload,
)
from tests.support.cases import cases

PATH = ("services", "train")
REQUEST = DeviceRequest("gpus", PATH, "nvidia", -1, (), ("compute",))
DEVICE = Device("/dev/fuse", "/dev/fuse", "rwm", "/dev/fuse", PATH)
SOCKET = Mount(
    "bind", "/run/docker.sock", "/run/docker.sock", "/s", False, "volumes", PATH,
    host_class="engine-socket",
)  # fmt: skip
VARIABLE = Selector("NVIDIA_VISIBLE_DEVICES", "0", "nvidia", PATH)
WORKLOAD = Workload(
    "train",
    PATH,
    service="train",
    image="acme/train:1",
    cap_add=("SYS_ADMIN",),
    device_requests=(REQUEST,),
    devices=(DEVICE,),
    mounts=(SOCKET,),
    environment={"NVIDIA_VISIBLE_DEVICES": "0", "HOME": "/root"},
    selectors=(VARIABLE,),
)


def changed(**changes: Any) -> bool:
    """Return whether `changes` change the digest of WORKLOAD."""
    other = msgspec.structs.replace(WORKLOAD, **changes)
    return workload_digest(other) != workload_digest(WORKLOAD)


@cases(
    "changes",
    [
        {"image": "acme/train:2"},
        {"user": "root"},
        {"runtime": "nvidia"},
        {"privileged": True},
        {"use_api_socket": True},
        {"cap_add": ()},
        {"cap_drop": ("ALL",)},
        {"security_opt": ("apparmor=unconfined",)},
        {"pid": "host"},
        {"ipc": "container:x"},
        {"uts": "host"},
        {"userns_mode": "host"},
        {"cgroup": "host"},
        {"network_mode": "host"},
        {"device_requests": (msgspec.structs.replace(REQUEST, count=1),)},
        {"device_requests": (msgspec.structs.replace(REQUEST, options={"a": "b"}),)},
        {"devices": (msgspec.structs.replace(DEVICE, permissions="r"),)},
        {"devices": (DEVICE, DEVICE)},
        {"device_cgroup_rules": (CgroupRule("c 195:* rwm", PATH),)},
        {"mounts": (msgspec.structs.replace(SOCKET, read_only=True),)},
        {"selectors": (msgspec.structs.replace(VARIABLE, value="1"),)},
        {"annotations": {"cdi.k8s.io/gpu": "nvidia.com/gpu=0"}},
        {"annotations": {"nvidia.cdi.k8s.io/gpu": "nvidia.com/gpu=0"}},
        {"annotations": {"dev.gvisor.flag.nvproxy": "true"}},
        {"annotations": {"org.systemd.property.DeviceAllow": "[('char-nvidia', 'rwm')]"}},
    ],
    ids=str,
)
def test_a_setting_that_gives_rights_changes_the_digest(changes: dict[str, Any]) -> None:
    assert changed(**changes)


@cases(
    "changes",
    [
        {"name": "web", "service": "web", "path": ("services", "web"), "kind": "job"},
        {"replicas": 3, "labels": {"a": "b"}, "environment": WORKLOAD.environment | {"A": "b"}},
        {"cap_add": ("CAP_SYS_ADMIN", "sys_admin")},
        {"network_mode": "train_default", "ipc": "private", "cgroup": "private"},
        {"mounts": (SOCKET, Mount("bind", "/p/data", "data", "/d", False, "volumes", PATH))},
        {
            "device_requests": (
                DeviceRequest("reservation", ("x",), "nvidia", -1, (), ("gpu", "compute")),
            )
        },
        {"selectors": (VARIABLE, Selector("AMD_VISIBLE_DEVICES", "0", "amd", PATH))},
        {"annotations": {"org.example": "x"}},
    ],
    ids=str,
)
def test_other_settings_do_not(changes: dict[str, Any]) -> None:
    assert not changed(**changes)


def test_no_new_privileges_is_the_same_in_both_spellings() -> None:
    one, other = (
        msgspec.structs.replace(WORKLOAD, security_opt=(option,))
        for option in ("no-new-privileges:true", "no-new-privileges=true")
    )

    assert workload_digest(one) == workload_digest(other)


@cases("changes", [{"privileged": True}, {"pid": "host"}, {"ipc": "host"}], ids=str)
def test_docker_disables_labels_of_such_containers_by_itself(changes: dict[str, Any]) -> None:
    one = msgspec.structs.replace(WORKLOAD, **changes)
    other = msgspec.structs.replace(one, security_opt=("label=disable",))

    assert workload_digest(one) == workload_digest(other)
    assert changed(security_opt=("label=disable",))


def test_var_run_is_the_same_folder_as_run() -> None:
    first, second, other = (
        workload_digest(
            msgspec.structs.replace(
                WORKLOAD, mounts=(msgspec.structs.replace(SOCKET, source=source),)
            )
        )
        for source in ("/var/run/docker.sock", "/run/docker.sock", "/var/runs/docker.sock")
    )

    assert first == second != other


def test_what_a_hook_inherits_counts_as_its_own() -> None:
    inherited = Inherited(
        cap_add=("SYS_ADMIN",),
        device_requests=(REQUEST,),
        devices=(DEVICE,),
        mounts=(SOCKET,),
        environment={"NVIDIA_VISIBLE_DEVICES": "0"},
    )
    hook = Workload(
        "train/pre_start/0", PATH, kind="hook", service="train", image="acme/train:1",
        inherited=inherited, selectors=(VARIABLE,), replicas=2,
    )  # fmt: skip

    (found,) = admitted([hook])

    assert found.digest == workload_digest(WORKLOAD)
    assert (found.name, found.service) == ("train/pre_start/0", "train")
    assert (found.kind, found.replicas) == ("hook", 2)


COVERED = msgspec.structs.replace(
    WORKLOAD,
    user="1000",
    pid="host",
    ipc="container:x",
    uts="private",
    image_config=ImageConfig({}, user="app"),
    mounts=(
        msgspec.structs.replace(SOCKET, path=(*PATH, "volumes", 0)),
        Mount("bind", "/srv", "/srv", "/d", False, "volumes", (*PATH, "volumes", 1)),
    ),
)


@cases(
    ("path", "expected"),
    [
        (("privileged",), True),
        (("cap_add", 0), True),
        (("user",), True),
        (("pid",), True),
        (("ipc",), False),
        (("uts",), False),
        (("network_mode",), False),
        (("volumes", 0), True),
        (("volumes", 0, "source"), True),
        (("volumes", 1), False),
        (("volumes", 2), False),
        (("volumes",), False),
        (("environment", "NVIDIA_VISIBLE_DEVICES"), True),
        (("environment", "HOME"), False),
        (("environment",), False),
        (("deploy", "resources", "reservations", "devices", 0), True),
        (("deploy", "resources", "limits"), False),
        (("annotations", "cdi.k8s.io/gpu"), True),
        (("annotations", "org.example"), False),
        (("annotations",), False),
        (("image",), False),
        (("ports", 0), False),
        ((), False),
    ],
    ids=str,
)
def test_a_setting_is_covered_where_the_digest_determines_it(path: Path, expected: bool) -> None:
    assert is_covered(COVERED, (*PATH, *path)) is expected


def test_nothing_beside_the_service_is_covered() -> None:
    paths: list[Path] = [("services", "web", "privileged"), ("privileged",), ("volumes", "a"), ()]
    assert not any(is_covered(COVERED, path) for path in paths)


def test_what_is_in_an_image_is_covered_where_its_reference_has_a_digest() -> None:
    pinned = msgspec.structs.replace(COVERED, image=f"acme/train@sha256:{'a' * 64}")
    of_image, of_pinned = (msgspec.structs.replace(one, user="app") for one in (COVERED, pinned))

    assert is_covered(pinned, (*PATH, "image"))
    assert not is_covered(of_image, (*PATH, "user"))
    assert is_covered(of_pinned, (*PATH, "user"))


def test_the_user_of_the_image_is_as_none() -> None:
    filled_in = msgspec.structs.replace(COVERED, user="app")
    unset, other = (msgspec.structs.replace(COVERED, user=one) for one in ("", "1000"))

    assert workload_digest(unset) in workload_digests(filled_in)
    assert workload_digest(unset) not in workload_digests(other)
    assert workload_digests(unset) == {workload_digest(unset)}
