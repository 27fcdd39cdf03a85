"""Name a device by its numbers, as the kernel does, whatever its path in a container is.

In: kind and numbers of a device node, and what the kernel says of its drivers. Out: the path of the
node on the host. Sources: Linux, Documentation/admin-guide/devices.txt; sysfs (dev/char); NVIDIA
driver, nv-chardev-numbers.h (195: one minor number for each GPU, 254 modeset, 255 control).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

NVIDIA_MAJOR: Final = 195
_CONTROL: Final = {254: "/dev/nvidia-modeset", 255: "/dev/nvidiactl"}
_DRIVERS: Final = {
    "nvidia-uvm": "/dev/nvidia-uvm",
    "nvidia-caps": "/dev/nvidia-caps/nvidia-cap{minor}",
    "nvidia-nvswitch": "/dev/nvidia-nvswitch{minor}",
    "nvidia-caps-imex-channels": "/dev/nvidia-caps-imex-channels/channel{minor}",
    "kfd": "/dev/kfd",
}
"""Nodes of drivers whose major number is different on each host."""
_VENDORS: Final = {"0x10de": "nvidia", "0x1002": "amd", "0x8086": "intel"}
"""The vendors of PCI devices that give accelerators."""
_FIXED: Final = {
    226: lambda minor: f"/dev/dri/renderD{minor}" if minor >= 128 else f"/dev/dri/card{minor}",
    261: lambda minor: f"/dev/accel/accel{minor}",
}


class DeviceNumbers:
    """The character and block devices of one host."""

    def __init__(self, devices: Path = Path("/proc/devices"), sysfs: Path = Path("/sys")) -> None:
        """`devices` lists the major numbers of drivers."""
        self._devices = devices
        self._sysfs = sysfs

    def node(self, kind: str, major: int, minor: int) -> str:
        """Return the path of the device on the host, "" if it is not known.

        `kind` is "b" for block devices; all others are character devices.
        """
        if kind != "b":
            if major == NVIDIA_MAJOR:
                return _CONTROL.get(minor, f"/dev/nvidia{minor}")
            driver = self._drivers().get(major, "")
            if driver in _DRIVERS:
                return _DRIVERS[driver].format(minor=minor)
            if major in _FIXED:
                return _FIXED[major](minor)
        folder = self._sysfs / "dev" / ("block" if kind == "b" else "char") / f"{major}:{minor}"
        return self._named(folder / "uevent")

    def vendor(self, major: int, minor: int) -> str:
        """Return the vendor of the accelerator of a character device, "" if it is not known."""
        folder = self._sysfs / "dev" / "char" / f"{major}:{minor}" / "device"
        try:
            return _VENDORS.get((folder / "vendor").read_text().strip(), "")
        except OSError:
            return ""

    def _drivers(self) -> Mapping[int, str]:
        """Return the names of the drivers of character devices by their major numbers."""
        try:
            text = self._devices.read_text()
        except OSError:
            return {}
        found: dict[int, str] = {}
        for line in text.partition("Block devices:")[0].splitlines():
            major, _, name = line.strip().partition(" ")
            if major.isdecimal():
                found[int(major)] = name.strip()
        return found

    @staticmethod
    def _named(uevent: Path) -> str:
        try:
            lines = uevent.read_text().splitlines()
        except OSError:
            return ""
        names = [line.removeprefix("DEVNAME=") for line in lines if line.startswith("DEVNAME=")]
        return f"/dev/{names[0]}" if names else ""
