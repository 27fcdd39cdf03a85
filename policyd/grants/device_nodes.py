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

ROOT: Final = "/"
FOLDERS_OF_ALL_NODES: Final = frozenset({ROOT, "/dev", "/dev/char"})

_DEV: Final = "/dev/"
_DRM: Final = "drm"
"""The tables' vendor of nodes that are AMD's beside a kfd device, and otherwise unknown."""


def granted(container: Container) -> Iterator[GrantDeclaration]:
    """Yield the grants by the device nodes that `container` maps."""
    for device in container.workload.devices:
        if cdi.is_name(device.source):
            continue
        every = is_folder_of_nodes(device.node)
        for vendor in device_vendors(
            device.node, container.has_kfd, container.tables, container.host
        ):
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


def device_vendors(path: str, beside_kfd: bool, tables: Tables, host: HostSettings) -> list[str]:
    """Return the vendors of the devices at the clean host path `path`, or below it.

    That is what `vendors` returns, and the folders of drivers outside of /dev.
    """
    known = tables.data
    if path in known.driver_directories:
        return [known.driver_directories[path]]
    for folder, vendor in known.driver_trees.items():
        if is_below(path, folder):
            return [vendor]
    return vendors(path, beside_kfd, tables, host)


def is_folder_of_nodes(path: str) -> bool:
    """Return whether the nodes at `path` cannot be told apart: all, or those of a driver."""
    return path in FOLDERS_OF_ALL_NODES or not path.startswith(_DEV)


def is_below(path: str, folder: str) -> bool:
    """Return whether `path` is `folder` or lies below it."""
    return path == folder or path.startswith(folder + "/")


def disk_kind(path: str, tables: Tables) -> str:
    """Return the kind of the disk or memory node, or of the folder of such nodes, at `path`.

    "" for other paths.
    """
    if not path.startswith(_DEV):
        return ""
    name = path.removeprefix(_DEV)
    return min((kind for pattern, kind in tables.disk_nodes if pattern.search(name)), default="")


def device_class(source: str, tables: Tables) -> str:
    """Return the class GUID of a device of a Windows host, in lower case; "" for other sources."""
    text = source.lower()
    return next((guid for guid in tables.data.device_classes if guid in text), "")
