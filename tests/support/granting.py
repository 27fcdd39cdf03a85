"""Workloads to work grants out for, with the tables of the built-in data."""

from __future__ import annotations

from typing import Any

from policyd.grants.resolution import GrantResolver
from policyd.grants.tables import Tables, read_tables
from policyd.inventory.hosts import Gpu, Host, MigDevice
from policyd.model import GrantedDevices
from policyd.policies.packs import built_in, read_data
from policyd.workloads.model import (
    Build,
    CgroupRule,
    Device,
    DeviceRequest,
    GrantDeclaration,
    Inherited,
    Mount,
    Workload,
)

Summary = tuple[str, str, GrantedDevices]

_DATA = read_data(built_in() / "data.yaml")

HOST = "gpu-01"
MIG_HOST = Host(
    driver_version="580.95.05",
    cuda_version="13.0",
    gpus=(
        Gpu(index=0, uuid="GPU-AA", pci="00000000:18:00.0"),
        Gpu(index=1, uuid="GPU-BB", mig_devices=(MigDevice(index=0, uuid="MIG-B0"),)),
    ),
)


def tables() -> Tables:
    """Return the built-in tables."""
    return read_tables(_DATA)


def host(**settings: Any) -> Host:
    """Return a host without GPUs, with `settings`."""
    return Host(driver_version="580", cuda_version="13.0", gpus=(), **settings)


def resolver(known: Host | None = None) -> GrantResolver:
    """Return what works grants out; the inventory has the host HOST if it is `known`."""
    hosts = {} if known is None else {HOST: known}
    inventory = {"hosts": hosts}
    return GrantResolver({"policyd": {**_DATA["policyd"], "inventory": inventory}})


def service(name: str = "app", **fields: Any) -> Workload:
    """Return a service with `fields`."""
    path = ("services", name)
    return Workload(name=name, service=name, title=f"service {name}", path=path, **fields)


def hook(inherited: Inherited | None = None, **fields: Any) -> Workload:
    """Return the first pre_start hook of the service app, with `fields` beyond its service."""
    return Workload(
        name="app/pre_start/0",
        service="app",
        title="hook 0 of service app",
        kind="hook",
        hook=0,
        path=("services", "app", "pre_start", 0),
        inherited=inherited or Inherited(),
        **fields,
    )


def grants(*workloads: Workload, known: Host | None = None) -> tuple[GrantDeclaration, ...]:
    """Return the grants of all `workloads`, on the host HOST."""
    resolved = resolver(known).resolve(workloads, HOST)
    return tuple(grant for workload in resolved for grant in workload.grants)


def summaries(*workloads: Workload, known: Host | None = None) -> set[Summary]:
    """Return method, vendor and devices of the grants of `workloads`; ids sorted."""
    return {
        (one.method, one.vendor, _devices(one.devices)) for one in grants(*workloads, known=known)
    }


def request(**fields: Any) -> DeviceRequest:
    """Return the only device reservation of the service app: of NVIDIA, with `fields`."""
    path = ("services", "app", "deploy", "resources", "reservations", "devices", 0)
    given = {"source": "reservation", "driver": "nvidia", "capabilities": ("gpu",), **fields}
    return DeviceRequest(path=path, **given)


def device(source: str) -> Device:
    """Return the first entry of `devices` of the service app."""
    path = ("services", "app", "devices", 0)
    return Device(source=source, target=source, permissions="rwm", node=source, path=path)


def bind(source: str, target: str = "/x", *, read_only: bool = False) -> Mount:
    """Return the first volume of the service app, a bind mount."""
    path = ("services", "app", "volumes", 0)
    return Mount("bind", source, source, target, read_only, "volumes", path)


def rule(text: str) -> CgroupRule:
    """Return the first control group rule of the service app."""
    return CgroupRule(text, ("services", "app", "device_cgroup_rules", 0))


def build(**fields: Any) -> Build:
    """Return the build section of the service app."""
    path = ("services", "app", "build")
    given = {"dockerfile_path": (*path, "dockerfile_inline"), **fields}
    return Build(path=path, **given)


def _devices(devices: GrantedDevices) -> Any:
    if isinstance(devices, dict):
        return tuple(devices.items())
    return devices if isinstance(devices, str) else tuple(sorted(devices))
