"""Divide what a pre_start hook has into what it adds to its service and what it inherits.

In: the workloads of a hook and of its service, each complete. Out: the workload of the hook as
policies evaluate it: a privilege that the service has as well is reported once, for the service.
Source: compose-go 2.16.2 loader/normalize.go (resolvePreStartHooks); docker/compose 5.7
pkg/compose/pre_start.go (volumes_from the service).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import msgspec

from policyd.errors import ComposeError
from policyd.model import to_json
from policyd.workloads.model import (
    Inherited,
    Mount,
    Workload,
)

MAX_INHERITED: Final = 8 << 20
"""How many bytes of JSON all hooks of a project may inherit, in all."""

_Value = TypeVar("_Value")

_MAPS: Final = ("environment", "annotations")
_LISTS: Final = (
    "cap_add",
    "security_opt",
    "volumes_from",
    "device_requests",
    "devices",
    "device_cgroup_rules",
)
_SCALARS: Final = (
    "runtime",
    "privileged",
    "use_api_socket",
    "pid",
    "ipc",
    "uts",
    "userns_mode",
    "cgroup",
    "network_mode",
)


class Inheritance:
    """Divides the hooks of one project and counts how much they inherit together."""

    def __init__(self) -> None:
        self._inherited = 0

    def divide(self, hook: Workload, service: Workload) -> Workload:
        """Return `hook` with only what `service` lacks, and the rest as `inherited`.

        Raises ComposeError when the hooks of the project inherit more than MAX_INHERITED.
        """
        own: dict[str, Any] = {}
        shared: dict[str, Any] = {}
        for key in _SCALARS:
            value = getattr(hook, key)
            empty = type(value)()
            is_alike = value == getattr(service, key)
            own[key], shared[key] = (empty, value) if is_alike else (value, empty)
        for key in _LISTS:
            own[key], shared[key] = _divided(getattr(hook, key), getattr(service, key))
        for key in _MAPS:
            own[key], shared[key] = _divided_map(getattr(hook, key), getattr(service, key))
        own["mounts"], _ = _divided(hook.mounts, service.mounts)
        shared["mounts"] = _mounts_of_the_service(service.mounts, own["mounts"])
        inherited = Inherited(**shared)
        self._inherited += len(to_json(inherited))
        if self._inherited > MAX_INHERITED:
            raise ComposeError(
                f"services.{service.name}.pre_start: the hooks of the project inherit more than "
                f"{MAX_INHERITED >> 20} MiB from their services"
            )
        return msgspec.structs.replace(hook, **own, inherited=inherited)


def _divided(
    hook: Sequence[_Value], service: Sequence[_Value]
) -> tuple[tuple[_Value, ...], tuple[_Value, ...]]:
    """Return the entries that only the hook has, and those of the service that both have."""
    of_service = {_without_path(entry): entry for entry in service}
    own = [entry for entry in hook if _without_path(entry) not in of_service]
    alike = {_without_path(entry) for entry in hook} & of_service.keys()
    return tuple(own), tuple(entry for key, entry in of_service.items() if key in alike)


def _without_path(entry: Any) -> bytes:
    if isinstance(entry, msgspec.Struct) and hasattr(entry, "path"):
        entry = msgspec.structs.replace(entry, path=())
    return to_json(entry)


def _divided_map(
    hook: Mapping[str, _Value], service: Mapping[str, _Value]
) -> tuple[dict[str, _Value], dict[str, _Value]]:
    missing = object()
    alike = {name for name, value in hook.items() if service.get(name, missing) == value}
    return (
        {name: value for name, value in hook.items() if name not in alike},
        {name: value for name, value in hook.items() if name in alike},
    )


def _mounts_of_the_service(service: Sequence[Mount], own: Sequence[Mount]) -> tuple[Mount, ...]:
    replaced = {mount.target for mount in own}
    return tuple(mount for mount in service if mount.target not in replaced)
