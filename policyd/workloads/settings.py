"""Return the settings of a container that say how it runs: ports, restarts, logging, limits.

In: the keys of a container of the loaded model. Out: typed values, empty if nothing is set.
Source: Compose specification, services; docker/compose 5.7 pkg/compose/create.go
(getRestartPolicy); Docker Engine API 1.51, HostConfig.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from policyd.model import Path
from policyd.workloads.model import Logging, Port, Restart, Tmpfs, Ulimit, Workload
from policyd.workloads.values import Tree, entries, flag, integer, mapping, pairs, text, texts

_CONDITIONS: Final = {"none": "no", "any": "always", "": "always"}
"""What the conditions of `deploy.restart_policy` are called in `restart`."""


def with_settings(workload: Workload, keys: Tree) -> Workload:
    """Return `workload` with the settings in `keys`, the keys of its container."""
    path = workload.path
    return msgspec.structs.replace(
        workload,
        pids_limit=pids_limit(keys),
        read_only=flag(keys, "read_only"),
        ports=tuple(ports(keys, path)),
        networks=tuple(mapping(keys, "networks")),
        extra_hosts=texts(keys, "extra_hosts"),
        tmpfs=tuple(tmpfs(keys, path)),
        healthcheck=healthcheck(keys),
        logging=logging(keys),
        restart=restart(keys, path),
        sysctls=pairs(keys, "sysctls"),
        ulimits=ulimits(keys),
        group_add=texts(keys, "group_add"),
        oom_kill_disable=flag(keys, "oom_kill_disable"),
        oom_score_adj=integer(keys, "oom_score_adj"),
        container_name=text(keys, "container_name"),
        pull_policy=text(keys, "pull_policy"),
        tty=flag(keys, "tty"),
    )


def ports(container: Tree, path: Path) -> Iterator[Port]:
    """Yield the published ports of `container`, which is at `path` of the model."""
    for place, entry in entries(container, "ports"):
        published, host_ip = text(entry, "published"), text(entry, "host_ip")
        first, _, last = published.partition("-")
        number = {"first": first, "last": last or first}
        yield Port(
            target=integer(entry, "target"),
            first=integer(number, "first"),
            last=integer(number, "last"),
            protocol=text(entry, "protocol"),
            host_ip=host_ip,
            reach=reach(host_ip),
            path=(*path, "ports", place),
        )


def reach(host_ip: str) -> Literal["all", "loopback", "address"]:
    """Return from where a port on the address `host_ip` can be reached; "" is every address."""
    if not host_ip:
        return "all"
    try:
        address = ipaddress.ip_address(host_ip.strip("[]"))
    except ValueError:
        return "address"
    mapped = getattr(address, "ipv4_mapped", None) or address
    if mapped.is_unspecified:
        return "all"
    return "loopback" if mapped.is_loopback else "address"


def tmpfs(container: Tree, path: Path) -> Iterator[Tmpfs]:
    """Yield the entries of `tmpfs` of `container`."""
    for place, entry in enumerate(texts(container, "tmpfs")):
        target, _, options = entry.partition(":")
        yield Tmpfs(target, tuple(filter(None, options.split(","))), (*path, "tmpfs", place))


def healthcheck(container: Tree) -> Literal["", "set", "disabled"]:
    """Return whether `container` sets a health check or disables that of its image."""
    check = mapping(container, "healthcheck")
    if flag(check, "disable") or texts(check, "test")[:1] == ("NONE",):
        return "disabled"
    return "set" if check.get("test") else ""


def logging(container: Tree) -> Logging:
    """Return the `logging` section of `container`."""
    section = mapping(container, "logging")
    return Logging(text(section, "driver"), pairs(section, "options"))


def restart(container: Tree, path: Path) -> Restart:
    """Return when `container`, which is at `path`, is restarted.

    Compose reads `restart` before `deploy.restart_policy`.
    """
    condition, _, attempts = text(container, "restart").partition(":")
    if condition:
        count = integer({"attempts": attempts}, "attempts")
        return Restart(condition, max(count, 0), (*path, "restart"))
    place = ("deploy", "restart_policy")
    policy = mapping(container, *place)
    if not policy:
        return Restart()
    condition = text(policy, "condition")
    return Restart(
        condition=_CONDITIONS.get(condition, condition),
        max_attempts=max(integer(policy, "max_attempts"), 0),
        path=(*path, *place),
    )


def pids_limit(container: Tree) -> int:
    """Return how many processes `container` may have, 0 for no limit."""
    limits = mapping(container, "deploy", "resources", "limits")
    return max(integer(limits, "pids") or integer(container, "pids_limit"), 0)


def ulimits(container: Tree) -> dict[str, Ulimit]:
    """Return the `ulimits` of `container` by the name of the resource."""
    found: dict[str, Ulimit] = {}
    for name, value in mapping(container, "ulimits").items():
        if isinstance(value, dict):
            found[name] = Ulimit(integer(value, "soft"), integer(value, "hard"))
        else:
            both = integer({name: value}, name)
            found[name] = Ulimit(both, both)
    return found
