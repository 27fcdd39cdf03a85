"""Return the accelerators of AMD, Intel and Habana that the Linux kernel reports.

In: a machine. Out: accelerators, versions of drivers, and whether accelerators are attached by USB.
Sources: the documentation of amdgpu and amdkfd in the Linux kernel
(https://docs.kernel.org/gpu/amdgpu/driver-misc.html), /sys/class/accel
(https://docs.kernel.org/accel/introduction.html); USB ids of Coral.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from policyd.inventory.hosts import Accelerator
from policyd.inventory.machine import Machine, below

Vendor = Literal["amd", "intel", "habana"]

_DRM: Final = "/sys/class/drm"
_ACCEL: Final = "/sys/class/accel"
_HABANA_CLASS: Final = "/sys/class/habanalabs"
_USB: Final = "/sys/bus/usb/devices"
_DRM_VENDORS: Final[dict[str, Vendor]] = {"0x1002": "amd", "0x8086": "intel"}
_ACCEL_VENDORS: Final[dict[str, Vendor]] = {"0x1da3": "habana", "0x8086": "intel"}
_MODULES: Final = {"amd": ("amdgpu",), "intel": ("xe", "i915"), "habana": ("habanalabs",)}
_USB_ACCELERATORS: Final = ("1a6e:089a", "18d1:9302")
"""Coral USB accelerators before and after their firmware is loaded."""


def accelerators(machine: Machine) -> tuple[Accelerator, ...]:
    """Return the accelerators of other vendors than NVIDIA, each vendor's in order of its nodes."""
    found: list[Accelerator] = []
    counts = {"amd": 0, "intel": 0, "habana": 0}
    for vendor, node, device in (*_render_nodes(machine), *_accel_nodes(machine)):
        found.append(_accelerator(machine, vendor, counts[vendor], node, device))
        counts[vendor] += 1
    return tuple(found)


def drivers(machine: Machine) -> dict[str, str]:
    """Return the versions of the drivers; the modules of a kernel's own tree have none."""
    found: dict[str, str] = {}
    for vendor, modules in _MODULES.items():
        for module in modules:
            text = machine.text(f"/sys/module/{module}/version") or ""
            version = text.split("-")[0].split("+")[0]
            if version and all(part.isdecimal() for part in version.split(".")[:4]):
                found.setdefault(vendor, ".".join(version.split(".")[:4]))
    return found


def has_usb_accelerators(machine: Machine) -> bool:
    """Return whether a known accelerator is attached to the USB bus."""
    return any(
        f"{machine.text(f'{device}/idVendor')}:{machine.text(f'{device}/idProduct')}"
        in _USB_ACCELERATORS
        for device in below(machine, _USB)
    )


def _render_nodes(machine: Machine) -> Iterator[tuple[Vendor, str, str]]:
    for path in below(machine, _DRM):
        name = path.rpartition("/")[2]
        vendor = _DRM_VENDORS.get(machine.text(f"{path}/device/vendor") or "")
        if name.startswith("renderD") and vendor:
            yield vendor, f"/dev/dri/{name}", f"{path}/device"


def _accel_nodes(machine: Machine) -> Iterator[tuple[Vendor, str, str]]:
    for path in below(machine, _ACCEL):
        name = path.rpartition("/")[2]
        vendor = _ACCEL_VENDORS.get(machine.text(f"{path}/device/vendor") or "")
        if vendor:
            yield vendor, f"/dev/accel/{name}", f"{path}/device"
    if not machine.names(_ACCEL):
        for path in below(machine, _HABANA_CLASS):
            name = path.rpartition("/")[2]
            if name.removeprefix("hl").isdecimal():
                yield "habana", f"/dev/{name}", f"{path}/device"


def _accelerator(
    machine: Machine, vendor: Vendor, index: int, node: str, device: str
) -> Accelerator:
    memory = machine.text(f"{device}/mem_info_vram_total") or ""
    unique_id = machine.text(f"{device}/unique_id") or ""
    return Accelerator(
        vendor=vendor,
        index=index,
        name=machine.text(f"{device}/product_name") or machine.text(f"{device}/device") or "",
        node=node,
        pci=machine.link(device),
        unique_id=f"0x{unique_id}" if unique_id else "",
        memory=int(memory) if memory.isdecimal() and len(memory) < 20 else 0,
    )
