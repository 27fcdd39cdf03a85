"""Which accelerators a container would get, by the configuration of its runtime.

In: what the kernel would give to a container, and the accelerators that it asks for. Out: grants
that are needed besides. Pure. A device that the engine adds for a device request is part of that
request; one that a path, a variable of an image or a hook brings is needed on its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from policyd.grants.selection import by_nvidia_rule
from policyd.grants.toolkit import selects_all_without_variable
from policyd.host.coverage import Held, covers
from policyd.host.runtime_spec import Spec, SpecDevice
from policyd.model import Grant, GrantedDevices

METHOD: Final = "runtime"
"""The method of grants that are needed besides those that a container asks for."""
NVIDIA_VARIABLE: Final = "NVIDIA_VISIBLE_DEVICES"
UNKNOWN: Final = "unknown"
"""The vendor of a node whose name does not say it."""
_NVIDIA_GPU: Final = re.compile(r"/dev/nvidia([0-9]+)")
_NVIDIA: Final = re.compile(r"/dev/(?:nvidia[^/]*(/.*)?|gdrdrv)")
_AMD: Final = ("/dev/kfd",)


class Node(NamedTuple):
    """An accelerator: its vendor, and its names; no names for a control device."""

    vendor: str
    names: tuple[str, ...]


def needs(
    spec: Spec, named: Sequence[SpecDevice], asked: Sequence[Grant], service: str
) -> Iterator[Grant]:
    """Yield the grants that a container of `service` needs besides `asked`.

    `named` are the devices of `spec` that the container names by path.
    """
    vendors = {one.vendor for one in asked}
    for device in spec.devices:
        node = accelerator(device.node or device.target)
        if node and device.vendor and device not in named and node.vendor == UNKNOWN:
            node = Node(device.vendor, ())  # a render node beside the node of its GPU
        if node and (device in named or node.vendor not in vendors):
            yield _need(service, node, device.target)
    if spec.has_gpu_hook:
        selected = by_nvidia_rule(spec.environment.get(NVIDIA_VARIABLE, ""))
        if selects_all_without_variable(spec.environment):
            selected = "all"
        if selected != ():
            yield _grant(service, "nvidia", selected, NVIDIA_VARIABLE)


def accelerator(node: str) -> Node | None:
    """Return the accelerator at the path `node` of the host, None for other devices."""
    if gpu := _NVIDIA_GPU.fullmatch(node):
        return Node("nvidia", (gpu[1], node))
    if _NVIDIA.fullmatch(node):
        return Node("nvidia", ())
    if node in _AMD:
        return Node("amd", ())
    if node.startswith(("/dev/dri/", "/dev/accel/")):
        return Node(UNKNOWN, (node, node.rpartition("/")[0]))
    return None


def covered(need: Grant, held: Sequence[Held]) -> bool:
    """Return whether one of `held` covers `need`, by whatever way it gives its devices.

    The vendor of a render node is not known from its number, so a grant of any vendor counts.
    """
    return any(_covers(one, need) for one in held)


def _covers(held: Held, need: Grant) -> bool:
    vendor = held.vendor if need.vendor == UNKNOWN else need.vendor
    same = msgspec.structs.replace(need, method=held.method, vendor=vendor)
    if need.devices == ():
        return held.service == need.service and held.vendor == vendor
    return covers(held, same)


def _need(service: str, node: Node, target: str) -> Grant:
    names = node.names[:1]
    aliases = {names[0]: node.names[1:]} if names else {}
    return _grant(service, node.vendor, names, target, aliases)


def _grant(
    service: str,
    vendor: str,
    devices: GrantedDevices,
    path: str,
    aliases: Mapping[str, tuple[str, ...]] = {},
) -> Grant:
    identities = devices if isinstance(devices, tuple) else ()
    return Grant(
        service=service,
        vendor=vendor,
        method=METHOD,
        devices=devices,
        replicas=1,
        path=("services", service, path),
        identities=identities,
        aliases=dict(aliases),
    )
