"""Grants by device nodes, and what lies at a path below /dev.

In: a container, or a clean host path. Out: declarations of the method device-node, vendors of
accelerator nodes, kinds of disk and memory nodes. Sources of the names: policies/data.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policyd.grants import cdi
from policyd.grants.container import Container
from policyd.grants.runtimes import HostSettings
from policyd.grants.tables import Tables
from policyd.workloads.model import GrantDeclaration

FOLDERS_OF_ALL_NODES: Final = frozenset({"/", "/dev", "/dev/char"})

_DEV: Final = "/dev/"
_DRM: Final = "drm"
"""The tables' vendor of nodes that are AMD's beside a kfd device, and otherwise unknown."""


def granted(container: Container) -> Iterator[GrantDeclaration]:
    """Yield the grants by the device nodes that `container` maps."""
    for device in container.workload.devices:
        if cdi.is_name(device.source):
            continue
        every = device.node in FOLDERS_OF_ALL_NODES
        for vendor in vendors(device.node, container.has_kfd, container.tables, container.host):
            yield container.selected(
                "device-node",
                vendor,
                "all" if every else (device.node,),
                device.path,
                device.node,
            )
        guid = device_class(device.source, container.tables)
        if guid:
            yield container.selected(
                "device-node",
                container.tables.data.device_classes[guid],
                (f"class/{guid}",),
                device.path,
                device.source,
            )


def vendors(path: str, beside_kfd: bool, tables: Tables, host: HostSettings) -> list[str]:
    """Return the vendors of the accelerator node, or of the nodes in the folder, at `path`.

    `beside_kfd` says whether the container maps AMD's compute device. The list is empty for a path
    that is neither. USB devices are accelerators on a host that has accelerators on its USB bus.
    """
    if path in FOLDERS_OF_ALL_NODES:
        return ["unknown"]
    if not path.startswith(_DEV):
        return []
    name = path.removeprefix(_DEV)
    patterns = (*tables.nodes, *(tables.usb_nodes if host.has_usb_accelerators else ()))
    owners = {owner for pattern, owner in patterns if pattern.search(name)}
    if _DRM in owners:
        owners = owners - {_DRM} | {"amd" if beside_kfd else "unknown"}
    return sorted(owners)


def is_disk(path: str, tables: Tables) -> bool:
    """Return whether a disk or memory node, or a folder of such nodes, is at `path`."""
    if not path.startswith(_DEV):
        return False
    name = path.removeprefix(_DEV)
    return any(pattern.search(name) for pattern, _ in tables.disk_nodes)


def device_class(source: str, tables: Tables) -> str:
    """Return the class GUID of a device of a Windows host, in lower case; "" for other sources."""
    text = source.lower()
    return next((guid for guid in tables.data.device_classes if guid in text), "")
