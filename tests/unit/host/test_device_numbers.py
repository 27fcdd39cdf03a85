"""Devices by their numbers: the path in a container says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.host.device_numbers import DeviceNumbers

DEVICES = """Character devices:
  1 mem
 10 misc
195 nvidia-frontend
235 nvidia-caps
236 nvidia-nvswitch
237 nvidia-uvm
240 kfd

Block devices:
  8 sd
237 nvme
"""


@pytest.fixture
def numbers(tmp_path: Path) -> DeviceNumbers:
    (tmp_path / "devices").write_text(DEVICES)
    for folder, name in {"char/10:229": "fuse", "block/8:0": "sda", "block/237:0": "nvme0"}.items():
        place = tmp_path / "sys" / "dev" / folder
        place.mkdir(parents=True)
        (place / "uevent").write_text(f"MAJOR=1\nDEVNAME={name}\nDEVMODE=0666\n")
    (tmp_path / "sys" / "dev" / "char" / "10:1").mkdir()
    (tmp_path / "sys" / "dev" / "char" / "10:1" / "uevent").write_text("MAJOR=10\n")
    return DeviceNumbers(tmp_path / "devices", tmp_path / "sys")


@pytest.mark.parametrize(
    ("kind", "major", "minor", "node"),
    [
        ("c", 195, 0, "/dev/nvidia0"),
        ("u", 195, 12, "/dev/nvidia12"),
        ("c", 195, 254, "/dev/nvidia-modeset"),
        ("c", 195, 255, "/dev/nvidiactl"),
        ("c", 237, 0, "/dev/nvidia-uvm"),
        ("c", 235, 31, "/dev/nvidia-caps/nvidia-cap31"),
        ("c", 236, 1, "/dev/nvidia-nvswitch1"),
        ("c", 240, 0, "/dev/kfd"),
        ("c", 226, 1, "/dev/dri/card1"),
        ("c", 226, 129, "/dev/dri/renderD129"),
        ("c", 261, 0, "/dev/accel/accel0"),
        ("c", 10, 229, "/dev/fuse"),
        ("b", 8, 0, "/dev/sda"),
        ("b", 237, 0, "/dev/nvme0"),
        ("b", 195, 0, ""),
        ("c", 10, 1, ""),
        ("c", 99, 0, ""),
    ],
)
def test_a_device_is_named_as_on_the_host(
    numbers: DeviceNumbers, kind: str, major: int, minor: int, node: str
) -> None:
    assert numbers.node(kind, major, minor) == node


@pytest.mark.parametrize(
    ("text", "vendor"),
    [("0x10de\n", "nvidia"), ("0x1002\n", "amd"), ("0x8086\n", "intel"), ("0x1af4\n", "")],
)
def test_the_vendor_of_a_card_is_that_of_its_pci_device(
    numbers: DeviceNumbers, tmp_path: Path, text: str, vendor: str
) -> None:
    folder = tmp_path / "sys" / "dev" / "char" / "226:128" / "device"
    folder.mkdir(parents=True)
    (folder / "vendor").write_text(text)

    assert (numbers.vendor(226, 128), numbers.vendor(226, 129)) == (vendor, "")


def test_a_machine_without_a_list_of_drivers_knows_the_fixed_numbers(tmp_path: Path) -> None:
    numbers = DeviceNumbers(tmp_path / "none", tmp_path)

    assert (numbers.node("c", 195, 1), numbers.node("c", 237, 0)) == ("/dev/nvidia1", "")
