"""Return the description of a machine: drivers, accelerators, engine and toolkit.

In: a machine. Out: Host. Errors: NvmlError when there is nothing to describe, or when an NVIDIA
driver is loaded and does not answer.
"""

from __future__ import annotations

import msgspec

from policyd.inventory import nvml, sysfs
from policyd.inventory.engine import engine, toolkit
from policyd.inventory.hosts import Host, describe
from policyd.inventory.machine import Machine

_NVIDIA_DRIVER = "/proc/driver/nvidia/version"
_NO_NVIDIA = Host(driver_version="", cuda_version="", gpus=())


def collect(machine: Machine) -> Host:
    """Return what is known about `machine`. Raises NvmlError."""
    accelerators = sysfs.accelerators(machine)
    has_usb = sysfs.has_usb_accelerators(machine)
    try:
        host = describe(nvml.read())
    except nvml.NvmlError:
        if machine.exists(_NVIDIA_DRIVER) or not (accelerators or has_usb):
            raise
        host = _NO_NVIDIA
    found = engine(machine)
    return msgspec.structs.replace(
        host,
        accelerators=accelerators,
        drivers=sysfs.drivers(machine),
        architecture=machine.architecture,
        docker_version=found.version,
        default_runtime=found.default_runtime,
        runtimes=found.runtimes,
        cdi_devices=found.cdi_devices,
        toolkit=toolkit(machine),
        usb_accelerators=has_usb,
    )
