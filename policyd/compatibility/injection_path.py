"""Say whether the way in which a container gets its GPUs tests NVIDIA_REQUIRE_… variables.

In: a workload with its grants, and its host. Out: a Path: the legacy path tests them, CDI does not.
Sources: moby 29 daemon/devices_nvidia_linux.go; nvidia-container-toolkit 1.17 and 1.20
internal/info, internal/runtime, internal/modifier.
"""

from __future__ import annotations

from typing import Final

import msgspec

from policyd.compatibility.requirements import Checker
from policyd.compatibility.tables import is_older
from policyd.inventory.hosts import Host
from policyd.model import GrantedDevices
from policyd.workloads.model import GrantDeclaration, Workload

_NVIDIA: Final = "nvidia"
_BY_RUNTIME: Final = ("runtime", "environment", "image")
_CDI_DRIVERS: Final = ("cdi", "nvidia.cdi")
_HOOK_DRIVER: Final = "nvidia.runtime-hook"
_FIRST_JIT_CDI: Final = "1.18"
"""The first toolkit whose mode `auto` means CDI under the nvidia runtime (2025-10-21)."""
_FIRST_CDI_DOCKER: Final = "29.2"
"""The first Docker engine that prefers CDI for device requests."""
_FIRST_LINUX_DRIVER: Final = "100"
"""Drivers of Jetson devices have the version of Jetson Linux, such as 35.4."""


class TestedPath(msgspec.Struct, frozen=True):
    """`is_tested` is None if it is not known; `reason` says why, in a clause."""

    is_tested: bool | None
    reason: str
    checker: Checker = "library"


def tested_path(workload: Workload, host: Host) -> TestedPath:
    """Return whether requirements of `workload` are tested when it starts on `host`."""
    if host.toolkit.disable_require:
        return TestedPath(False, "the toolkit of the host does not test requirements")
    found = [
        path
        for grant in effective_grants(workload)
        if grant.vendor in (_NVIDIA, "unknown")
        for path in [_of_grant(grant, workload, host)]
        if path is not None
    ]
    for wanted in (True, None, False):
        for path in found:
            if path.is_tested is wanted:
                return path
    return TestedPath(False, "no part of the toolkit gives it the GPU")


def effective_grants(workload: Workload) -> tuple[GrantDeclaration, ...]:
    """Return the grants of `workload` without what only its image asks for, on an unknown host."""
    return tuple(
        grant
        for grant in workload.grants
        if grant.method != "image" or grant.certainty == "certain"
    )


def _of_grant(grant: GrantDeclaration, workload: Workload, host: Host) -> TestedPath | None:
    if grant.method in ("reservation", "gpus"):
        return _of_request(_driver(grant, workload), workload, host)
    if grant.method == "cdi":
        return TestedPath(False, "CDI does not test requirements")
    if grant.method in _BY_RUNTIME or grant.form == "volume-request":
        return _of_runtime(workload, host, grant.devices)
    return None


def _driver(grant: GrantDeclaration, workload: Workload) -> str:
    inherited = workload.inherited.device_requests if workload.inherited else ()
    for request in (*workload.device_requests, *inherited):
        if grant.path[: len(request.path)] == request.path:
            return request.driver
    return ""


def _of_request(driver: str, workload: Workload, host: Host) -> TestedPath:
    if driver in _CDI_DRIVERS:
        return TestedPath(False, "CDI does not test requirements")
    if _is_nvidia_runtime(workload, host):
        return _of_runtime(workload, host)
    if host.toolkit.mode == "cdi":
        return TestedPath(None, "the toolkit of the host is in mode cdi")
    if driver == _HOOK_DRIVER:
        return TestedPath(True, "the hook of the toolkit tests requirements")
    if not host.docker_version:
        return TestedPath(None, "the version of the Docker engine is not in the inventory")
    if is_older(host.docker_version, _FIRST_CDI_DOCKER):
        return TestedPath(True, "the hook that Docker calls tests requirements")
    if host.cdi_devices is None:
        return TestedPath(None, "the CDI devices of the host are not in the inventory")
    if any(name.startswith("nvidia.com/") for name in host.cdi_devices):
        return TestedPath(False, "Docker uses CDI, which does not test requirements")
    return TestedPath(True, "without a CDI specification Docker calls the hook, which tests them")


def _of_runtime(workload: Workload, host: Host, devices: GrantedDevices = "all") -> TestedPath:
    toolkit = host.toolkit
    if not _runtime(workload, host):
        return TestedPath(None, "the default runtime of the host is not in the inventory")
    if not _is_nvidia_runtime(workload, host):
        return TestedPath(False, "the runtime of the host gives it no GPU")
    if toolkit.mode == "csv" or (toolkit.mode in ("", "auto") and _is_jetson(host)):
        return TestedPath(True, "the runtime in csv mode tests requirements", "csv")
    if toolkit.mode == "legacy":
        return TestedPath(True, "the runtime in legacy mode tests requirements")
    if toolkit.mode in ("cdi", "jit-cdi"):
        return TestedPath(False, "the runtime in CDI mode does not test requirements")
    if not toolkit.version:
        return TestedPath(None, "the version of the toolkit is not in the inventory")
    if isinstance(devices, tuple) and devices and all("=" in device for device in devices):
        return TestedPath(False, "CDI does not test requirements")
    if is_older(toolkit.version, _FIRST_JIT_CDI):
        return TestedPath(True, f"the runtime of toolkit {toolkit.version} tests requirements")
    return TestedPath(False, f"the runtime of toolkit {toolkit.version} uses CDI")


def _is_nvidia_runtime(workload: Workload, host: Host) -> bool:
    """Return whether the nvidia runtime starts the container, by name or by its binary."""
    name = _runtime(workload, host)
    return _NVIDIA in host.runtimes.get(name, name).rpartition("/")[2].lower()


def _runtime(workload: Workload, host: Host) -> str:
    """Return the name of the runtime that starts the container, "" if it is not known."""
    inherited = workload.inherited.runtime if workload.inherited else ""
    return workload.runtime or inherited or host.default_runtime


def _is_jetson(host: Host) -> bool:
    is_tegra = any(gpu.brand.lower() == "tegra" for gpu in host.gpus)
    return is_tegra or bool(
        host.driver_version and is_older(host.driver_version, _FIRST_LINUX_DRIVER)
    )
