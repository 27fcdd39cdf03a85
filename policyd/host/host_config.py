"""Read the HostConfig of a container as the keys of a Compose service.

In: the fields of HostConfig. Out: keys as Compose loads them. Errors: RequestError. Sources: Docker
Engine API 1.51, HostConfig; docker/compose 5.7 pkg/compose/create.go, read backwards.
"""

from __future__ import annotations

from typing import Any, Final

from policyd.host.folded_json import Fields

_NANO_CPUS: Final = 1_000_000_000
_CDI_DRIVER: Final = "cdi"
UNMASKED: Final = "systempaths=unconfined"
"""The security option that the client of Docker sends as empty lists of masked paths."""

_PROTECTED: Final = {
    "MaskedPaths": {
        *("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
        *("/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/sys/firmware"),
    },
    "ReadonlyPaths": {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
}
"""Paths that every engine protects, unless a request replaces the list."""


def host_keys(host: Fields) -> dict[str, Any]:
    """Return the keys that HostConfig sets, except volumes; keys that are not set are empty."""
    requests, cdi = _device_requests(host)
    reservations = {"devices": requests} if requests else {}
    return {
        "privileged": host.flag("Privileged"),
        "cap_add": host.texts("CapAdd"),
        "cap_drop": host.texts("CapDrop"),
        "security_opt": _security_options(host),
        "pid": host.text("PidMode"),
        "ipc": host.text("IpcMode"),
        "uts": host.text("UTSMode"),
        "userns_mode": host.text("UsernsMode"),
        "cgroup": host.text("CgroupnsMode"),
        "cgroup_parent": host.text("CgroupParent"),
        "network_mode": _network_mode(host),
        "runtime": host.text("Runtime"),
        "volumes_from": [f"container:{name}" for name in host.texts("VolumesFrom")],
        "devices": [*_devices(host), *cdi],
        "device_cgroup_rules": host.texts("DeviceCgroupRules"),
        "deploy": {"resources": {"reservations": reservations}} if reservations else {},
        "annotations": host.pairs("Annotations"),
        "tmpfs": [
            f"{path}:{options}" if options else path
            for path, options in host.pairs("Tmpfs").items()
        ],
        "ports": _ports(host),
        "extra_hosts": host.texts("ExtraHosts"),
        "logging": _logging(host.object("LogConfig")),
        "restart": _restart(host.object("RestartPolicy")),
        "sysctls": host.pairs("Sysctls"),
        "ulimits": _ulimits(host),
        "group_add": host.texts("GroupAdd"),
        "read_only": host.flag("ReadonlyRootfs"),
        "oom_kill_disable": host.flag("OomKillDisable"),
        "oom_score_adj": host.integer("OomScoreAdj"),
        "mem_limit": max(host.integer("Memory"), 0),
        "cpus": _cpus(host),
        "pids_limit": max(host.integer("PidsLimit"), 0),
    }


def _security_options(host: Fields) -> list[str]:
    unmasked = any(
        host.has(name) and not paths <= set(host.texts(name)) for name, paths in _PROTECTED.items()
    )
    return [*host.texts("SecurityOpt"), *([UNMASKED] if unmasked else [])]


def _network_mode(host: Fields) -> str:
    """Return the mode; a name of a network of its own is no mode in Compose."""
    mode = host.text("NetworkMode")
    is_mode = mode in ("host", "none", "bridge") or mode.startswith(("container:", "ns:"))
    return mode if is_mode else ""


def _devices(host: Fields) -> list[dict[str, str]]:
    """Return the devices by path. Raises RequestError for a path that is not absolute.

    The daemon takes such a path from its own folder on; names of CDI devices come in requests.
    """
    return [
        {
            "source": device.absolute("PathOnHost"),
            "target": device.text("PathInContainer"),
            "permissions": device.text("CgroupPermissions"),
        }
        for device in host.objects("Devices")
    ]


def _device_requests(host: Fields) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return the device requests, and the CDI names that Compose has among its devices."""
    requests: list[dict[str, Any]] = []
    cdi: list[dict[str, str]] = []
    for request in host.objects("DeviceRequests"):
        ids, driver = request.texts("DeviceIDs"), request.text("Driver")
        capabilities = [one for every in request.lists("Capabilities") for one in every]
        if driver == _CDI_DRIVER and not capabilities:
            cdi += [{"source": name, "target": name, "permissions": "rwm"} for name in ids]
            continue
        requests.append(
            {
                "driver": driver,
                "count": request.integer("Count"),
                "device_ids": ids,
                "capabilities": capabilities,
                "options": request.pairs("Options"),
            }
        )
    return requests, cdi


def _ports(host: Fields) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for port, bindings in host.objects_by_key("PortBindings"):
        target, _, protocol = port.partition("/")
        found += [
            {
                "target": int(target) if target.isdecimal() and len(target) < 6 else 0,
                "published": binding.text("HostPort"),
                "host_ip": binding.text("HostIp"),
                "protocol": protocol or "tcp",
            }
            for binding in bindings
        ]
    return found


def _logging(config: Fields) -> dict[str, Any]:
    driver, options = config.text("Type"), config.pairs("Config")
    return {"driver": driver, "options": options} if driver or options else {}


def _restart(policy: Fields) -> str:
    name, attempts = policy.text("Name"), policy.integer("MaximumRetryCount")
    return f"{name}:{attempts}" if attempts and name else name


def _ulimits(host: Fields) -> dict[str, dict[str, int]]:
    return {
        limit.text("Name"): {"soft": limit.integer("Soft"), "hard": limit.integer("Hard")}
        for limit in host.objects("Ulimits")
    }


def _cpus(host: Fields) -> float:
    """Return the number of processors, 0 for no limit."""
    nano = host.integer("NanoCpus")
    if nano:
        return nano / _NANO_CPUS
    quota, period = host.integer("CpuQuota"), host.integer("CpuPeriod") or 100_000
    return quota / period if quota > 0 and period > 0 else 0.0
