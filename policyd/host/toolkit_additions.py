"""Tell what NVIDIA's toolkit adds to a container from what the container asked for.

In: what the kernel would give to a container, and the keys of its service. Out: the same without
the files of the driver, and the devices that nothing explains. Pure. In the modes "cdi" and
"jit-cdi", and where Docker uses CDI itself, a container with GPUs gets the libraries, programs,
firmware and sockets of the driver as read-only mounts; in the mode "legacy", a hook makes them
after the runtime has seen the container. No review can know these files: they are those of the
driver on the host. Sources: nvidia-container-toolkit pkg/nvcdi (driver-nvml.go, common-nvml.go),
internal/discover (ipc.go, graphics.go, mounts.go), internal/modifier (gated.go).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from policyd.host.runtime_needs import accelerator
from policyd.host.runtime_spec import Spec, SpecDevice

_DRIVER_FILE: Final = re.compile(
    r"(?:/run/nvidia/driver)?(?:"  # the root of a driver that is in a container
    r"/(?:usr/)?lib(?:32|64)?/(?:[^/]+/)*[^/]+\.so(?:\.[0-9.]+)?"
    r"|/(?:usr/)?lib/firmware/(?:[^/]+/)*nvidia/[0-9.]+/gsp[^/]*\.bin"
    r"|/(?:usr/)?s?bin/nvidia-(?:smi|debugdump|persistenced|cuda-mps-control|cuda-mps-server|imex"
    r"|imex-ctl)"
    r"|/(?:etc|usr/share)/(?:glvnd|egl|vulkan|X11/xorg\.conf\.d)/(?:[^/]+/)*[^/]*nvidia[^/]*"
    r"|/(?:etc|usr/share)/nvidia/nvoptix\.bin"
    r"|/run/nvidia-(?:persistenced|fabricmanager)/socket"
    r"|/tmp/nvidia-mps"
    r")"
)
"""The paths of the host, without links, that the toolkit mounts, each read-only."""
_COMPANION: Final = re.compile(r"/dev/infiniband/.+")
"""Devices that it adds for GPUs besides those of the driver."""


def without_driver_files(spec: Spec, keys: Mapping[str, Any]) -> Spec:
    """Return `spec` without the mounts of the driver that a container with `keys` did not ask for.

    Only a container that gets a GPU of NVIDIA has such mounts.
    """
    if not _has_nvidia(spec):
        return spec
    named = {one.get("target") for one in keys.get("volumes", ())}
    mounts = tuple(
        one
        for one in spec.mounts
        if one.volume
        or not one.read_only
        or one.target in named
        or not _DRIVER_FILE.fullmatch(one.source)
    )
    return msgspec.structs.replace(spec, mounts=mounts)


def unasked_devices(spec: Spec, named: Sequence[SpecDevice]) -> list[dict[str, str]]:
    """Return the devices of `spec` that are neither `named` nor accelerators, nor come with them.

    The policies evaluate them as those that a container names; accelerators need grants.
    """
    if spec.all_devices:
        return []
    has_nvidia = _has_nvidia(spec)
    found = []
    for device in spec.devices:
        node = device.node or device.target
        is_companion = has_nvidia and _COMPANION.fullmatch(node)
        if device not in named and not accelerator(node) and not is_companion:
            found.append(
                {"source": node, "target": device.target, "permissions": device.permissions}
            )
    return found


def _has_nvidia(spec: Spec) -> bool:
    found = (accelerator(one.node or one.target) for one in spec.devices)
    return any(one is not None and one.vendor == "nvidia" for one in found)
