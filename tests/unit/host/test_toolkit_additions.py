"""What NVIDIA's toolkit adds in its CDI modes passes; whatever else appears is evaluated.

The paths are those of driver 580.159.04 on a host with one H200, and of a driver in a container.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from policyd.host.device_numbers import DeviceNumbers
from policyd.host.runtime_needs import needs
from policyd.host.runtime_spec import Spec, read_spec, requested
from policyd.host.toolkit_additions import unasked_devices, without_driver_files
from policyd.model import Grant
from tests.support.cases import cases
from tests.support.oci_configs import ID, bind, device, encoded

DEVICES = """Character devices:
195 nvidia
238 nvidia-uvm
241 nvidia-caps
"""
GPU = device("/dev/nvidia0", 195, 0)
NODES = [
    GPU,
    device("/dev/nvidiactl", 195, 255),
    device("/dev/nvidia-modeset", 195, 254),
    device("/dev/nvidia-uvm", 238, 0),
    device("/dev/nvidia-uvm-tools", 238, 1),
    device("/dev/nvidia-caps/nvidia-cap1", 241, 1),
    device("/dev/dri/card1", 226, 1),
    device("/dev/dri/renderD128", 226, 128),
]
ADDED = (
    "/usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04",
    "/usr/lib/x86_64-linux-gnu/libnvidia-egl-gbm.so.1.1.2",
    "/usr/lib/x86_64-linux-gnu/vdpau/libvdpau_nvidia.so.580.159.04",
    "/lib64/libnvidia-ml.so.580.159.04",
    "/usr/lib/xorg/modules/drivers/nvidia_drv.so",
    "/lib/firmware/nvidia/580.159.04/gsp_ga10x.bin",
    "/usr/bin/nvidia-smi",
    "/usr/bin/nvidia-cuda-mps-control",
    "/usr/share/glvnd/egl_vendor.d/10_nvidia.json",
    "/usr/share/egl/egl_external_platform.d/15_nvidia_gbm.json",
    "/etc/vulkan/icd.d/nvidia_icd.json",
    "/usr/share/vulkan/implicit_layer.d/nvidia_layers.json",
    "/usr/share/X11/xorg.conf.d/nvidia-drm-outputclass.conf",
    "/usr/share/nvidia/nvoptix.bin",
    "/run/nvidia-persistenced/socket",
    "/run/nvidia-fabricmanager/socket",
    "/tmp/nvidia-mps",
    "/run/nvidia/driver/usr/lib/x86_64-linux-gnu/libcuda.so.580.159.04",
    "/run/nvidia/driver/usr/bin/nvidia-smi",
)
OPTIONS = ("ro", "nosuid", "nodev")


@pytest.fixture
def numbers(tmp_path: Path) -> DeviceNumbers:
    """The devices of a host whose first card is of NVIDIA and whose second one of AMD."""
    (tmp_path / "devices").write_text(DEVICES)
    for numbered, vendor in {
        "226:1": "0x10de", "226:128": "0x10de", "226:2": "0x1002", "226:3": "0x1af4",
    }.items():  # fmt: skip
        folder = tmp_path / "sys" / "dev" / "char" / numbered / "device"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text(f"{vendor}\n")
    return DeviceNumbers(tmp_path / "devices", tmp_path / "sys")


def spec_of(numbers: DeviceNumbers, *mounts: dict[str, Any], **changes: Any) -> Spec:
    return read_spec(encoded(mounts=list(mounts), **{"devices": NODES, **changes}), ID, numbers)


def kept(spec: Spec, *named: str) -> list[str]:
    keys = {"volumes": [{"type": "bind", "source": "/x", "target": one} for one in named]}
    return [one.source for one in without_driver_files(spec, keys).mounts]


def grant(*devices: str, vendor: str = "nvidia") -> Grant:
    return Grant("train", vendor, "gpus", devices, 1, (), identities=devices)


def test_the_files_of_the_driver_are_not_those_of_the_container(numbers: DeviceNumbers) -> None:
    mounts = [bind(path, path.removeprefix("/run/nvidia/driver"), *OPTIONS) for path in ADDED]

    assert kept(spec_of(numbers, *mounts)) == []


@cases(
    "path",
    [
        *("/", "/etc", "/usr/lib", "/usr/lib/x86_64-linux-gnu", "/usr/bin", "/run", "/tmp"),
        *("/usr/bin/sudo", "/usr/bin/nvidia-container-runtime", "/run/docker.sock", "/run/udev"),
        *("/usr/lib/firmware/other/gsp.bin", "/etc/nvidia-container-runtime", "/etc/vulkan"),
        *("/run/nvidia-persistenced", "/run/nvidia/driver", "/run/nvidia/driver/dev"),
        *("/srv/libcuda.so.580.159.04", "/usr/lib/libcuda.so.1/x", "/tmp/nvidia-mps/x"),
    ],
)
def test_other_mounts_are_evaluated(path: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    numbers = DeviceNumbers(tmp_path_factory.mktemp("n") / "none", Path("/none"))

    assert kept(spec_of(numbers, bind(path, "/x", *OPTIONS))) == [path]


def test_a_mount_of_the_driver_is_evaluated_if_anything_about_it_is_different(
    numbers: DeviceNumbers, tmp_path: Path
) -> None:
    socket = "/run/nvidia-persistenced/socket"
    (tmp_path / "link").symlink_to("/")

    def found(mount: dict[str, Any], *named: str, **changes: Any) -> list[str]:
        return kept(spec_of(numbers, mount, **changes), *named)

    assert found(bind(socket, socket, *OPTIONS)) == []
    assert found(bind(socket, socket, "nosuid", "nodev")) == [socket]  # writable
    assert found(bind(socket, socket, *OPTIONS), socket) == [socket]  # the container names it
    assert found(bind(socket, socket, *OPTIONS), devices=[]) == [socket]  # no GPU
    assert found(bind(f"{tmp_path}/link", socket, *OPTIONS)) == ["/"]


def needed(spec: Spec, *asked: Grant, named: str = "") -> list[tuple[str, Any]]:
    by_path = requested(spec, {"devices": [{"target": named}]})
    return [(one.vendor, one.devices) for one in needs(spec, by_path, asked, "train")]


def test_the_nodes_of_a_gpu_that_was_asked_for_pass(numbers: DeviceNumbers) -> None:
    assert needed(spec_of(numbers), grant("0")) == []


def test_a_render_node_counts_for_the_vendor_of_its_card(numbers: DeviceNumbers) -> None:
    nvidia, amd = device("/dev/dri/card1", 226, 1), device("/dev/dri/card2", 226, 2)
    other = device("/dev/dri/card3", 226, 3)

    assert needed(spec_of(numbers, devices=[nvidia])) == [("nvidia", ())]
    assert needed(spec_of(numbers, devices=[amd]), grant("0")) == [("amd", ())]
    assert needed(spec_of(numbers, devices=[amd]), grant("0", vendor="amd")) == []
    assert needed(spec_of(numbers, devices=[other]), grant("0")) == [
        ("unknown", ("/dev/dri/card3",))
    ]
    assert needed(spec_of(numbers, devices=[nvidia]), grant("0"), named="/dev/dri/card1") == [
        ("unknown", ("/dev/dri/card1",))
    ]


def unasked(spec: Spec, named: str = "") -> list[str]:
    by_path = requested(spec, {"devices": [{"target": named}]})
    return [one["source"] for one in unasked_devices(spec, by_path)]


def test_a_device_that_nothing_explains_is_evaluated(numbers: DeviceNumbers) -> None:
    disk, card = device("/dev/sda", 8, 0, "b"), device("/dev/infiniband/uverbs0", 231, 192)

    assert unasked(spec_of(numbers, devices=[*NODES, disk])) == ["/dev/sda"]
    assert unasked(spec_of(numbers, devices=[disk]), "/dev/sda") == []
    assert unasked(spec_of(numbers, devices=[*NODES, card, device("/dev/gdrdrv", 236, 0)])) == []
    assert unasked(spec_of(numbers, devices=[card])) == ["/dev/infiniband/uverbs0"]
    everything = [{"allow": True, "access": "rwm"}]
    assert unasked(spec_of(numbers, devices=[disk], rules=everything)) == []
