from __future__ import annotations

from policyd.grants.device_nodes import vendors
from policyd.grants.runtimes import HostSettings
from tests.support.cases import cases
from tests.support.granting import device, grants, host, service, summaries, tables

OTHER_ACCELERATORS = (
    "ipu0", "ipu0_ex", "qaic_aic100_0", "rbln0", "npu0", "npu0pe0", "rngd/npu0", "groqA0",
    "bm-sophon0", "bmdev-ctl", "biren/card0", "xclmgmt0", "kgsl-3d0", "pvrsrvkm", "galcore",
)  # fmt: skip


@cases(
    ("name", "vendor"),
    [
        ("nvidia0", "nvidia"),
        ("nvidia-caps/nvidia-cap1", "nvidia"),
        ("nvhost-gpu", "nvidia"),
        ("char/195:255", "nvidia"),
        ("kfd", "amd"),
        ("accel/accel0", "intel"),
        ("hl0", "intel"),
        ("apex_0", "google"),
        ("dri", "unknown"),
        ("dri/renderD128", "unknown"),
        ("vfio/42", "unknown"),
        ("dxg", "unknown"),
        ("char/511:0", "unknown"),
        ("neuron1", "unknown"),
        ("davinci_manager", "unknown"),
        ("vdavinci100", "unknown"),
        ("mtgpu.0", "unknown"),
        ("cambricon_dev0", "unknown"),
        ("mxcd", "unknown"),
        ("mkfd", "unknown"),
        ("xpu0", "unknown"),
        ("xpuctrl", "unknown"),
        ("iluvatar0", "unknown"),
        ("gcu", "unknown"),
        ("gcu0", "unknown"),
        ("gcu0vid1", "unknown"),
        ("hailo0", "unknown"),
        ("h1x-0", "unknown"),
        ("memx0", "unknown"),
        ("memx0_feature", "unknown"),
        ("rknpu", "unknown"),
        *((name, "unknown") for name in OTHER_ACCELERATORS),
    ],
)
def test_nodes_of_accelerators_have_a_vendor(name: str, vendor: str) -> None:
    (found,) = grants(service(devices=(device(f"/dev/{name}"),)))

    assert (found.method, found.vendor, found.devices) == ("device-node", vendor, (f"/dev/{name}",))
    assert found.path == ("services", "app", "devices", 0)


@cases(
    "name",
    [
        "fuse", "nvme0n1", "nvram", "kfdlog", "driver-updates", "accelerometer", "ttyUSB0", "snd",
        "null", "char/188:0", "char/255:0", "hailstorm", "xpusher", "mkfdump", "gcupboard", "h1xyz",
        "mxcdx", "ipu", "npu", "galcores", "bus/usb/001/002", "memx", "gcu0vid",
    ],
)  # fmt: skip
def test_other_nodes_are_no_accelerators(name: str) -> None:
    assert grants(service(devices=(device(f"/dev/{name}"),))) == ()


@cases("path", ["/", "/dev", "/dev/char"])
def test_folder_of_all_nodes_is_everything(path: str) -> None:
    assert summaries(service(devices=(device(path),))) == {("device-node", "unknown", "all")}


def test_drm_nodes_are_of_amd_beside_its_compute_device() -> None:
    both = service(devices=(device("/dev/dri"), device("/dev/kfd")))

    assert {one.vendor for one in grants(both)} == {"amd"}


def test_usb_bus_has_accelerators_only_on_a_host_that_says_so() -> None:
    workload = service(devices=(device("/dev/bus/usb"), device("/dev/bus/usb/001/002")))

    assert grants(workload, known=host()) == ()
    assert {
        (one.vendor, one.devices) for one in grants(workload, known=host(usb_accelerators=True))
    } == {
        ("google", ("/dev/bus/usb",)),
        ("google", ("/dev/bus/usb/001/002",)),
    }


def test_class_of_a_windows_device_is_shown_in_lower_case() -> None:
    (found,) = grants(service(devices=(device("class/5B45201D-F2F2-4F3B-85BB-30FF1F953599"),)))

    assert found.devices == ("class/5b45201d-f2f2-4f3b-85bb-30ff1f953599",)
    assert found.text == "class/5B45201D-F2F2-4F3B-85BB-30FF1F953599"


def test_cdi_name_is_no_node() -> None:
    assert summaries(service(devices=(device("nvidia.com/gpu=0"),))) == {
        ("cdi", "nvidia", ("nvidia.com/gpu=0",))
    }


def test_node_of_a_driver_outside_dev_has_its_vendor() -> None:
    tree = "/run/nvidia/driver"

    assert summaries(service(devices=(device(f"{tree}/dev/nvidia0"),))) == {
        ("device-node", "nvidia", "all")
    }


def test_path_outside_dev_has_no_vendor() -> None:
    assert vendors("/srv/nvidia0", False, tables(), HostSettings(tables())) == []
