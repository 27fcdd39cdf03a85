"""Check what the schema cannot express, on the whole merged model and each of its services.

In: a tree of long forms with defaults. Out: nothing, or a ComposeError. Source: compose-go v2.16.2
validation/*.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policyd.compose.nodes import Node
from policyd.compose.text.scalars import is_ip_address
from policyd.errors import ComposeError
from policyd.masking import in_quotes

_STAGES: Final = ("pre_start", "post_start", "pre_stop")
_LONG: Final = frozenset(("command", "entrypoint", "extra_hosts", "build", "develop", *_STAGES))
"""The keys of a service or job that may hold the texts of `long_texts`."""


def validate(root: Node) -> None:
    """Check volumes, configs, secrets, ports, watch rules and device requests of `root`."""
    for name, volume in entries(root, "volumes"):
        _check_external(name, volume)
    for name, config in entries(root, "configs"):
        _check_source(f"configs.{name}", config, ("file", "environment", "content"))
    for name, secret in entries(root, "secrets"):
        _check_source(f"secrets.{name}", secret, ("file", "environment"))
    for name, service in entries(root, "services"):
        _check_service(f"services.{name}", service)


def entries(node: Node, key: str) -> list[tuple[str, Node]]:
    """Return the entries of the mapping `key` of `node`, none where it is absent."""
    child = node.value.get(key) if type(node.value) is dict else None
    return list(child.value.items()) if child is not None and type(child.value) is dict else []


def items(node: Node, *path: str) -> list[Node]:
    """Return the items of the list at `path` below `node`, none where it is absent."""
    for key in path:
        if type(node.value) is not dict or key not in node.value:
            return []
        node = node.value[key]
    return list(node.value) if type(node.value) is list else []


def long_texts(root: Node) -> Iterator[tuple[Node, int]]:
    """Yield the texts that are split into many values, and how many steps that takes.

    These are commands, one step for four characters, and the addresses of hosts.
    """
    for kind in ("services", "jobs"):
        for _, entry in entries(root, kind):
            if not _LONG.isdisjoint(entry.value):
                yield from _long_texts(entry)


def _long_texts(entry: Node) -> Iterator[tuple[Node, int]]:
    holders = [entry]
    for stage in _STAGES:
        holders += items(entry, stage)
    rules = items(entry, "develop", "watch")
    holders += [rule.value["exec"] for rule in rules if "exec" in rule.value]
    for holder in holders:
        for key in ("command", "entrypoint"):
            if key in holder.value and type(holder.value[key].value) is str:
                yield holder.value[key], len(holder.value[key].value) // 4
        for host in items(holder, "extra_hosts"):
            yield host, str(host.value).count(",")
    for host in items(entry, "build", "extra_hosts"):
        yield host, str(host.value).count(",")


def _check_external(name: str, volume: Node) -> None:
    external = volume.value.get("external") if type(volume.value) is dict else None
    if external is None or external.value is not True:
        return
    for key, child in volume.value.items():
        if key not in ("name", "external") and not key.startswith("x-"):
            raise ComposeError(
                f"volumes.{name}: an external volume cannot have `{key}`", child.location
            )


def _check_source(where: str, resource: Node, keys: tuple[str, ...]) -> None:
    found = [key for key in keys if key in resource.value]
    if len(found) > 1:
        raise ComposeError(
            f"{where}: {' and '.join(found)} are mutually exclusive", resource.location
        )
    if not found and "driver" not in resource.value and "external" not in resource.value:
        raise ComposeError(f"{where}: one of {', '.join(keys)} is required", resource.location)


def _check_service(where: str, service: Node) -> None:
    for port in items(service, "ports"):
        host = port.value.get("host_ip") if type(port.value) is dict else None
        if host is not None and not (type(host.value) is str and is_ip_address(host.value)):
            raise ComposeError(
                f"{where}.ports: {in_quotes(host.value)} is not an IP address", host.location
            )
    for rule in items(service, "develop", "watch"):
        path = rule.value["path"]
        if path.value == "":
            raise ComposeError(f"{where}.develop.watch: the path is empty", path.location)
    requests = items(service, "deploy", "resources", "reservations", "devices")
    for request in [*requests, *items(service, "gpus")]:
        if "count" in request.value and "device_ids" in request.value:
            raise ComposeError(
                f"{where}: `count` and `device_ids` are mutually exclusive", request.location
            )
