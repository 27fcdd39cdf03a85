"""Accelerators of other vendors, from a tree of /sys below a folder."""

from __future__ import annotations

from pathlib import Path

from policyd.inventory.hosts import Accelerator
from policyd.inventory.machine import Machine
from policyd.inventory.sysfs import accelerators, drivers, has_usb_accelerators


def write(root: Path, **files: str) -> None:
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def device(root: Path, path: str, pci: str, **files: str) -> None:
    """Make the PCI device `pci`, and the link to it at `path`."""
    target = root / "sys/devices" / pci
    target.mkdir(parents=True)
    for name, text in files.items():
        (target / name).write_text(f"{text}\n")
    link = root / path
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


def test_an_empty_machine_has_none(tmp_path: Path) -> None:
    assert accelerators(Machine(tmp_path)) == ()
    assert drivers(Machine(tmp_path)) == {}
    assert not has_usb_accelerators(Machine(tmp_path))


def test_render_nodes_of_amd_and_intel_are_accelerators_and_others_are_not(tmp_path: Path) -> None:
    drm = "sys/class/drm"
    device(
        tmp_path,
        f"{drm}/renderD129/device",
        "0000:83:00.0",
        vendor="0x1002",
        device="0x74a1",
        product_name="AMD Instinct MI300X",
        unique_id="f3a1b2c4d5e60718",
        mem_info_vram_total="206141652992",
    )
    device(tmp_path, f"{drm}/renderD128/device", "0000:00:02.0", vendor="0x8086", device="0x56c0")
    device(tmp_path, f"{drm}/renderD130/device", "0000:01:00.0", vendor="0x10de")
    device(tmp_path, f"{drm}/card0/device", "0000:02:00.0", vendor="0x1002")

    assert accelerators(Machine(tmp_path)) == (
        Accelerator("intel", 0, "0x56c0", "/dev/dri/renderD128", "0000:00:02.0"),
        Accelerator(
            "amd",
            0,
            "AMD Instinct MI300X",
            "/dev/dri/renderD129",
            "0000:83:00.0",
            "0xf3a1b2c4d5e60718",
            206141652992,
        ),
    )


def test_gaudi_cards_are_found_in_either_class(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    for index, pci in enumerate(("0000:19:00.0", "0000:1a:00.0")):
        device(new, f"sys/class/accel/accel{index}/device", pci, vendor="0x1da3", device="0x1060")
    device(old, "sys/class/habanalabs/hl0/device", "0000:19:00.0")
    device(old, "sys/class/habanalabs/hl_controlD0/device", "0000:20:00.0")

    assert accelerators(Machine(new)) == (
        Accelerator("habana", 0, "0x1060", "/dev/accel/accel0", "0000:19:00.0"),
        Accelerator("habana", 1, "0x1060", "/dev/accel/accel1", "0000:1a:00.0"),
    )
    assert accelerators(Machine(old)) == (Accelerator("habana", 0, "", "/dev/hl0", "0000:19:00.0"),)


def test_versions_of_drivers_are_those_of_their_modules(tmp_path: Path) -> None:
    write(
        tmp_path,
        sys__module__amdgpu__version="6.12.12",
        sys__module__habanalabs__version="1.19.0-fbb5d6a",
        sys__module__xe__version="odd",
    )

    assert drivers(Machine(tmp_path)) == {"amd": "6.12.12", "habana": "1.19.0"}


def test_coral_on_the_usb_bus_is_an_accelerator(tmp_path: Path) -> None:
    write(tmp_path, **{"sys__bus__usb__devices__1-1__idVendor": "046d"})
    write(tmp_path, **{"sys__bus__usb__devices__1-1__idProduct": "c077"})
    assert not has_usb_accelerators(Machine(tmp_path))

    write(tmp_path, **{"sys__bus__usb__devices__1-2__idVendor": "18d1"})
    write(tmp_path, **{"sys__bus__usb__devices__1-2__idProduct": "9302"})
    assert has_usb_accelerators(Machine(tmp_path))
