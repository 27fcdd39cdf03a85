"""Check the data about the organisation in data files: its hosts, and who may use which GPU.

In: the value of a data file. Out: nothing, or PolicySetError with file, line and column: a misspelt
key would silently drop a restriction. `schema` returns the types as a JSON Schema for editors. The
policy gpu-driver-compatible reads `policyd.inventory`, allowed-gpus reads `policyd.entitlements`.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from policyd.errors import PolicySetError
from policyd.inventory.hosts import Host, Number, Text
from policyd.lazy_pattern import lazy_pattern
from policyd.policies.yaml_documents import Value, required

Method = Literal[
    "reservation",
    "gpus",
    "cdi",
    "runtime",
    "environment",
    "device-node",
    "mount",
    "cgroup-rule",
    "privileged",
    "api-socket",
    "build",
    "generic-resource",
    "image",
]
"""The methods of grants; policies/README.md explains each of them."""

Names = Annotated[
    tuple[Annotated[str, msgspec.Meta(pattern=r"^[^*]+$")], ...], msgspec.Meta(min_length=1)
]
Repository = Annotated[str, msgspec.Meta(pattern=r"^[^*]+(/[*][*])?$")]

_PLACE: Final = lazy_pattern(r" - at `\$(.*)`$")
_STEP: Final = lazy_pattern(r"\.([^.\[]+)|\[([0-9]+|\.\.\.)\]")


class Entitlement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Permission to use devices of these vendors, by these methods.

    `devices` are indexes, UUIDs, device parts of CDI names or device nodes; `all` allows every
    device, and requests for all devices. `count` is the number of devices that a service, with all
    its replicas, may request by count. `users`, `groups`, `repositories` and `hosts` are exact
    names; the repository `ml/**` matches all repositories below ml. Without users, groups and
    repositories the entitlement is for everybody, without hosts it is for all hosts. A value that
    the review does not have matches no name. Entitlements are cumulative.
    """

    vendors: tuple[Text, ...]
    methods: tuple[Method, ...]
    devices: tuple[Text, ...] = ()
    count: Number = 0
    users: Names = ()
    groups: Names = ()
    repositories: Annotated[tuple[Repository, ...], msgspec.Meta(min_length=1)] = ()
    hosts: Names = ()


class Inventory(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The known hosts by name, as reviews name them."""

    hosts: dict[str, Host] = {}


class OrganisationData(msgspec.Struct, frozen=True):
    """The data below `policyd` in a data file. Other keys are for other policies."""

    inventory: Inventory = Inventory()
    entitlements: dict[str, Entitlement] = {}


class DataFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data file of a policy set."""

    policyd: OrganisationData


def check_organisation_data(value: Value) -> None:
    """Raise PolicySetError unless the inventory and entitlements in `value` have their types."""
    root = value.mapping()
    below = required(root, "policyd", value).mapping()
    if "inventory" in below:
        hosts = below["inventory"].mapping(("hosts",)).get("hosts")
        for host in hosts.mapping().values() if hosts else ():
            _check(host, Host)
    if "entitlements" in below:
        for entitlement in below["entitlements"].mapping().values():
            _check(entitlement, Entitlement)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of data files."""
    found = msgspec.json.schema(DataFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _check(value: Value, kind: type[Host] | type[Entitlement]) -> None:
    keys = value.mapping([field.encode_name for field in msgspec.structs.fields(kind)])
    for method in keys["methods"].items() if "methods" in keys else ():
        method.one_of(get_args(Method))
    try:
        msgspec.convert(value.plain(), kind)
    except msgspec.ValidationError as error:
        raise _explained(value, str(error)) from error


def _explained(value: Value, message: str) -> PolicySetError:
    """Return `message`, of msgspec, as an error at the position in `value` that it names."""
    place = _PLACE.search(message)
    for key, index in _STEP.findall(place[1]) if place else ():
        value = value.mapping()[key] if key else value.items()[int(index)]
    reason = _PLACE.sub("", message).replace("`", "'")
    return value.error(f"is invalid: {reason[:1].lower()}{reason[1:]}")
