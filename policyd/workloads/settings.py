"""Return the settings of a container that say how it runs: ports, restarts, logging, limits.

In: the keys of a container of the loaded model. Out: typed values, empty if nothing is set.
Source: Compose specification, services; docker/compose 5.7 pkg/compose/create.go
(getRestartPolicy); Docker Engine API 1.51, HostConfig.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from policyd.model import Path
from policyd.workloads.model import Logging, Port, Restart, Tmpfs, Ulimit
from policyd.workloads.values import Tree, entries, flag, integer, mapping, pairs, text, texts

_CONDITIONS: Final = {"none": "no", "any": "always", "": "always"}
"""What the conditions of `deploy.restart_policy` are called in `restart`."""


def settings(keys: Tree, path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a Workload that `keys` set, with their values.

    `keys` are those of the container at `path`. Fields of which nothing is set have their defaults.
    """
    for key in keys:
        if (own := _OWN.get(key)) is not None:
            yield key, own(keys, path)
    if "networks" in keys:
        yield "networks", tuple(mapping(keys, "networks"))
    if "restart" in keys or "deploy" in keys:
        yield "restart", restart(keys, path)
    if "pids_limit" in keys or "deploy" in keys:
        yield "pids_limit", pids_limit(keys)


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


@lru_cache(maxsize=1024)
def reach(host_ip: str) -> Literal["all", "loopback", "address"]:
    """Return from where a port on the address `host_ip` can be reached; "" is every address."""
    if not host_ip:
        return "all"
    if host_ip == "127.0.0.1":
        return "loopback"
    import ipaddress  # here, because few projects have another address

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


_OWN: Final[Mapping[str, Callable[[Tree, Path], Any]]] = {
    "ports": lambda keys, path: tuple(ports(keys, path)),
    "tmpfs": lambda keys, path: tuple(tmpfs(keys, path)),
    "healthcheck": lambda keys, _: healthcheck(keys),
    "logging": lambda keys, _: logging(keys),
    "ulimits": lambda keys, _: ulimits(keys),
}
"""What reads the fields that have the name of their key."""
