"""Check what data files state about the organisation: its hosts, and who may use which GPU.

In: the value of a data file. Out: nothing, or PolicySetError with file, line and column: a key that
is misspelt would leave out a restriction. The types are the schema, which `schema` gives as a JSON
Schema for editors. `policyd.inventory` is read by the policy gpu-driver-compatible,
`policyd.entitlements` by allowed-gpus.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

import msgspec

from policyd.errors import PolicySetError
from policyd.inventory.hosts import Host, Number, Text
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
]
"""The methods of grants: policies/README.md says what each is."""

Names = Annotated[
    tuple[Annotated[str, msgspec.Meta(pattern=r"^[^*]+$")], ...], msgspec.Meta(min_length=1)
]
Repository = Annotated[str, msgspec.Meta(pattern=r"^[^*]+(/[*][*])?$")]

_PLACE: Final = re.compile(r" - at `\$(.*)`$")
_STEP: Final = re.compile(r"\.([^.\[]+)|\[([0-9]+|\.\.\.)\]")


class Entitlement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody may use: of these vendors, by these methods, these devices or so many.

    Devices are indexes, UUIDs, device parts of CDI names or device nodes; `all` stands for each of
    them and for all at once. `count` is how many a service may ask for by count, in all replicas.
    Who may, and on which host, is said by exact names; of repositories `ml/**` is all below ml.
    Without users, groups and repositories it is everybody, without hosts everywhere. What the
    review does not say is none of them. Entitlements add up.
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
    """The hosts that are known, by the name that reviews give them."""

    hosts: dict[str, Host] = {}


class Facts(msgspec.Struct, frozen=True):
    """What stands below `policyd` in a data file; other keys are for other policies."""

    inventory: Inventory = Inventory()
    entitlements: dict[str, Entitlement] = {}


class DataFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A data file of a policy set."""

    policyd: Facts


def check_facts(value: Value) -> None:
    """Raise PolicySetError unless the data file `value` states facts as their types say."""
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
    try:
        msgspec.convert(value.plain(), kind)
    except msgspec.ValidationError as error:
        raise _explained(value, str(error)) from error


def _explained(value: Value, message: str) -> PolicySetError:
    """Return the error that says `message`, of msgspec, of the place in `value` that it names."""
    place = _PLACE.search(message)
    for key, index in _STEP.findall(place[1]) if place else ():
        value = value.mapping()[key] if key else value.items()[int(index)]
    reason = _PLACE.sub("", message).replace("`", "'")
    return value.error(f"is not right: {reason[:1].lower()}{reason[1:]}")
