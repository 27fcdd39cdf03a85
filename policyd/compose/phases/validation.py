"""Check what the schema cannot say, on the whole merged model and every service of it.

In: a tree of long forms with defaults. Out: nothing, or a ComposeError. Source: compose-go v2.14.0
validation/*.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from policyd.compose.nodes import Node
from policyd.compose.text.scalars import is_ip_address
from policyd.errors import ComposeError

_STAGES: Final = ("pre_start", "post_start", "pre_stop")
_LONG: Final = frozenset(("command", "entrypoint", "extra_hosts", "build", "develop", *_STAGES))
"""The keys of a service below which `long_texts` looks."""


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
    """Return the entries of the mapping `key` of `node`, none where it is not there."""
    child = node.value.get(key) if type(node.value) is dict else None
    return list(child.value.items()) if child is not None and type(child.value) is dict else []


def items(node: Node, *path: str) -> list[Node]:
    """Return the items of the list at `path` below `node`, none where it is not there."""
    for key in path:
        if type(node.value) is not dict or key not in node.value:
            return []
        node = node.value[key]
    return list(node.value) if type(node.value) is list else []


def long_texts(root: Node) -> Iterator[tuple[Node, int]]:
    """Yield the texts of services that hold many things, and the steps that it takes to part them.

    These are commands, a step for four characters, and addresses of hosts.
    """
    for _, service in entries(root, "services"):
        if _LONG.isdisjoint(service.value):
            continue
        holders = [service]
        for stage in _STAGES:
            holders += items(service, stage)
        rules = items(service, "develop", "watch")
        holders += [rule.value["exec"] for rule in rules if "exec" in rule.value]
        for holder in holders:
            for key in ("command", "entrypoint"):
                if key in holder.value and type(holder.value[key].value) is str:
                    yield holder.value[key], len(holder.value[key].value) // 4
        for host in [*items(service, "extra_hosts"), *items(service, "build", "extra_hosts")]:
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
        raise ComposeError(f"{where}: {' and '.join(found)} exclude each other", resource.location)
    if not found and "driver" not in resource.value and "external" not in resource.value:
        raise ComposeError(f"{where}: one of {', '.join(keys)} is needed", resource.location)


def _check_service(where: str, service: Node) -> None:
    for port in items(service, "ports"):
        host = port.value.get("host_ip") if type(port.value) is dict else None
        if host is not None and not (type(host.value) is str and is_ip_address(host.value)):
            raise ComposeError(f"{where}.ports: {host.value!r} is no IP address", host.location)
    for rule in items(service, "develop", "watch"):
        path = rule.value["path"]
        if path.value == "":
            raise ComposeError(f"{where}.develop.watch: the path is empty", path.location)
    requests = items(service, "deploy", "resources", "reservations", "devices")
    for request in [*requests, *items(service, "gpus")]:
        if "count" in request.value and "device_ids" in request.value:
            raise ComposeError(
                f"{where}: `count` and `device_ids` exclude each other", request.location
            )
