from __future__ import annotations

import msgspec

from policyd.grants.host_access import REQUEST_ROOT
from policyd.workloads.model import Inherited, Mount
from tests.support.cases import cases
from tests.support.granting import bind, device, grants, hook, host, service, summaries

PROJECT = "/project"


@cases(
    ("source", "vendor", "devices"),
    [
        ("/", "unknown", "all"),
        ("/dev", "unknown", "all"),
        ("/dev/char", "unknown", "all"),
        ("/dev/nvidia0", "nvidia", ("/dev/nvidia0",)),
        ("/dev/dri", "unknown", ("/dev/dri",)),
        ("/dev/memx0", "unknown", ("/dev/memx0",)),
        ("/proc/driver/nvidia", "nvidia", "all"),
        ("/proc/driver/nvidia/gpus", "nvidia", "all"),
        ("/run/nvidia", "nvidia", "all"),
        ("/run/nvidia/driver/usr", "nvidia", "all"),
    ],
)
def test_mount_of_devices_is_a_grant_read_only_too(
    source: str, vendor: str, devices: object
) -> None:
    assert summaries(service(mounts=(bind(source, read_only=True),))) == {
        ("mount", vendor, devices)
    }


@cases(
    "source",
    ["/srv", "/dev/shm", "/dev/null", "/dev/sda", "/run/nvidia/toolkit", "/proc/driver",
     "/dev/bus/usb"],
)  # fmt: skip
def test_other_mounts_are_none(source: str) -> None:
    assert grants(service(mounts=(bind(source),))) == ()


def test_drm_mount_is_of_amd_beside_its_compute_device() -> None:
    workload = service(mounts=(bind("/dev/dri"),), devices=(device("/dev/kfd"),))

    assert ("mount", "amd", ("/dev/dri",)) in summaries(workload)


def test_usb_bus_is_a_grant_on_a_host_with_accelerators_there() -> None:
    workload = service(mounts=(bind("/dev/bus/usb"),))

    assert summaries(workload, known=host(usb_accelerators=True)) == {
        ("mount", "google", ("/dev/bus/usb",))
    }


def test_volume_requests_add_up_to_one_selection() -> None:
    mounts = tuple(
        bind("/dev/null", f"{REQUEST_ROOT}/{name}")
        for name in ("1", "imex/0", "0", "cdi/amd.com/gpu/3", "cdi/amd.com")
    )

    plain, named = grants(service(mounts=mounts))

    assert (plain.vendor, plain.devices, plain.form) == ("nvidia", ("1", "0"), "volume-request")
    assert plain.text == f"{REQUEST_ROOT}/1, 0"
    assert (named.vendor, named.devices, named.identities) == ("amd", ("amd.com/gpu=3",), ("3",))
    assert named.form == "volume-request"


def test_request_that_selects_nothing_is_no_grant() -> None:
    assert grants(service(mounts=(bind("/dev/null", f"{REQUEST_ROOT}/void"),))) == ()


@cases(
    "source",
    [
        "/run/docker.sock", "/run", "/run/containerd", "/run/user/1000", "/run/user/1000/podman",
        "/home/ada/.docker/run/docker.sock", r"\\.\pipe\docker_engine", "//./pipe/Docker_Engine",
    ],
)  # fmt: skip
def test_engine_sockets_are_everything(source: str) -> None:
    workload = service(mounts=(bind(source),), project_directory=PROJECT)

    assert summaries(workload) == {("api-socket", "unknown", "all")}


@cases(
    "source",
    [
        "/project/docker.sock",
        "/run/user/ada",
        "/run/user/1000/bus",
        "/run/docker.sock.d",
        "/pipe/x",
    ],
)
def test_other_sockets_are_none(source: str) -> None:
    assert grants(service(mounts=(bind(source),), project_directory=PROJECT)) == ()


def test_api_socket_and_mounts_of_other_types() -> None:
    volume = msgspec.structs.replace(bind("/dev"), type="volume")

    (found,) = grants(service(use_api_socket=True, mounts=(volume,)))

    assert (found.method, found.path) == ("api-socket", ("services", "app", "use_api_socket"))


def test_mounts_of_a_service_are_not_told_again_for_its_hook() -> None:
    mount: Mount = bind("/dev/nvidia0")

    assert len(grants(service(mounts=(mount,)), hook(Inherited(mounts=(mount,))))) == 1
