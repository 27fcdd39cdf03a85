"""Grants by device requests and by CDI names: reservation, gpus, cdi.

In: a container. Out: declarations of these methods. Sources: Compose Deploy specification,
"devices"; moby daemon/devices.go (handleDevice), devices_nvidia_linux.go, cdi.go; CDI
specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from policyd.grants import cdi
from policyd.grants.container import Container
from policyd.grants.identity import first
from policyd.grants.selection import Selection, amd_request, by_nvidia_rule, elements
from policyd.grants.tables import Tables
from policyd.model import GrantedDevices, Path
from policyd.workloads.model import DeviceRequest, GrantDeclaration

CDI_DRIVER: Final = "cdi"
ANNOTATION_PREFIXES: Final = ("cdi.k8s.io/", "nvidia.cdi.k8s.io/")
"""Beginnings of annotations with CDI names: the second is that of NVIDIA's GPU Operator."""


def granted(container: Container) -> Iterator[GrantDeclaration]:
    """Yield the grants by device requests and by CDI names of `container`."""
    for request in container.workload.device_requests:
        if request.driver != CDI_DRIVER:
            yield from _by_request(container, request)
    yield from _cdi_devices(container)


def selects(request: DeviceRequest, tables: Tables) -> bool:
    """Return whether a request selects anything."""
    if request.driver == CDI_DRIVER:
        return bool(cdi.names(request.device_ids))
    return requested(request, vendor_of(request, tables)) != ()


def requested(request: DeviceRequest, vendor: str) -> GrantedDevices:
    """Return the devices that a request asks for; () for nothing.

    A request with ids ignores its count.
    """
    if request.device_ids:
        ids = ",".join(request.device_ids)
        return amd_request(ids) if vendor == "amd" else by_nvidia_rule(ids)
    if request.count < 0:
        return "all"
    return {"count": request.count} if request.count else ()


def vendor_of(request: DeviceRequest, tables: Tables) -> str:
    """Return the vendor whose driver takes a request.

    Without a driver the engine takes one that has the capabilities.
    """
    known = tables.data
    if request.driver:
        return known.drivers.get(request.driver, "unknown")
    owners = {known.capabilities[c] for c in request.capabilities if c in known.capabilities}
    return max(owners, default="unknown")


def named(
    container: Container, method: str, names: Iterable[str], path: Path, key: str, form: str
) -> Iterator[GrantDeclaration]:
    """Yield one grant for each vendor of the CDI names `names`, which stand at `path`."""
    for vendor, own in cdi.by_vendor(names, container.tables.data.cdi_vendors):
        devices: Selection = "all" if any(map(cdi.is_every_device, own)) else own
        text = f"{key}: {', '.join(own)}"
        yield container.selected(method, vendor, devices, path, text, form=form)


def _by_request(container: Container, request: DeviceRequest) -> Iterator[GrantDeclaration]:
    """Yield the grants by one request; a CDI name among its ids counts for its own vendor.

    The engine takes such a name as it is, whatever the driver.
    """
    vendor = vendor_of(request, container.tables)
    ids, domains = elements(",".join(request.device_ids)), container.tables.data.cdi_vendors
    others = [name for name in cdi.names(ids) if cdi.vendor(name, domains) != vendor]
    if others:
        path = (*request.path, "device_ids")
        yield from named(container, request.source, others, path, "device_ids", "device_ids")
        kept = tuple(one for one in ids if one not in others)
        if not kept:
            return
        request = msgspec.structs.replace(request, device_ids=kept)
    devices = requested(request, vendor)
    if devices == ():
        return
    key = "device_ids" if request.device_ids else "count"
    path = (*request.path, key)
    if isinstance(devices, dict):
        yield GrantDeclaration(
            method=request.source,
            vendor=vendor,
            devices=devices,
            path=path,
            text=f"count: {request.count}",
            identities=first(request.count),
        )
        return
    text = f"device_ids: {', '.join(request.device_ids)}" if request.device_ids else "count: all"
    yield container.selected(request.source, vendor, devices, path, text)


def _cdi_devices(container: Container) -> Iterator[GrantDeclaration]:
    workload = container.workload
    for device in workload.devices:
        names = cdi.names([device.source])
        yield from named(container, "cdi", names, device.path, "devices", "devices")
    for key, value in workload.annotations.items():
        if key.startswith(ANNOTATION_PREFIXES):
            path = (*workload.path, "annotations", key)
            names = cdi.names(value.split(","))
            yield from named(container, "cdi", names, path, key, "annotations")
    for request in workload.device_requests:
        if request.driver == CDI_DRIVER:
            path = (*request.path, "device_ids")
            names = cdi.names(request.device_ids)
            yield from named(container, "cdi", names, path, "device_ids", "device_ids")
