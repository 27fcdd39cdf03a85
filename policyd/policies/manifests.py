"""Read the documents of a policy set: its packs, its constraints and its exceptions.

In: YAML values with their places, and the policies that they may name. Out: Heading, Constraint;
`exceptions.py` reads the others. Errors: PolicySetError with file, line and column for every key,
name or value that is not right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, get_args

import msgspec

from policyd.model import (
    API_VERSION,
    EnforcementAction,
    EnforcementPoint,
    Location,
    Operation,
)
from policyd.policies.matching import IDENTIFYING_KEYS, SELECTOR_KEYS, Selector
from policyd.policies.parameters import Schema, defaults, read_parameters
from policyd.policies.yaml_documents import Value, required, suggestion

ACTIONS: Final[tuple[EnforcementAction, ...]] = get_args(EnforcementAction)
POINTS: Final[tuple[EnforcementPoint, ...]] = get_args(EnforcementPoint)
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

KINDS: Final = ("PolicySet", "Constraint", "Exception")
DOCUMENT_KEYS: Final = ("apiVersion", "kind", "metadata", "spec")
POLICY_SET_KEYS: Final = ("packs", "data", "exceptions")
CONSTRAINT_KEYS: Final = ("policy", "enforcementAction", "match", "exclude", "parameters")


class Heading(msgspec.Struct, frozen=True):
    """The PolicySet document: packs are names of built-in ones or folders, data are files.

    `exceptions` says how long exceptions may be in force.
    """

    name: str
    packs: tuple[Value, ...]
    data: tuple[Value, ...]
    exceptions: Value | None


class Constraint(msgspec.Struct, frozen=True, rename="camel"):
    """Who must obey a policy, from where on, and what happens when they do not.

    `actions` has the enforcement action by enforcement point, and `default` for the others.
    """

    name: str
    policy: str
    actions: dict[str, EnforcementAction]
    match: Selector
    exclude: Selector
    parameters: dict[str, Any]
    location: Location

    def action_at(self, point: EnforcementPoint) -> EnforcementAction:
        """Return what is done about a finding at the enforcement point `point`."""
        return self.actions.get(point, self.actions["default"])


def kind_of(document: Value) -> str:
    """Return the kind of a document. Raises PolicySetError for one that is not of policyd."""
    keys = document.mapping(DOCUMENT_KEYS)
    version = required(keys, "apiVersion", document)
    if version.text() != API_VERSION:
        raise version.error(f"is {version.text()!r}: it must be {API_VERSION}")
    return required(keys, "kind", document).one_of(KINDS)


def read_heading(document: Value) -> Heading:
    """Return what a PolicySet document says."""
    name, spec = name_and_spec(document)
    keys = spec.mapping(POLICY_SET_KEYS)
    packs = tuple(required(keys, "packs", spec).items())
    if not packs:
        raise keys["packs"].error("is empty: a policy set without a pack has no policies")
    return Heading(
        name=name.text(),
        packs=packs,
        data=tuple(keys["data"].items()) if "data" in keys else (),
        exceptions=keys.get("exceptions"),
    )


def read_constraint(document: Value, schemas: Mapping[str, Mapping[str, Schema]]) -> Constraint:
    """Return the constraint in a document; `schemas` has the parameters of each policy by its id.

    A service may not be excluded by its name: the name is the project's to choose.
    """
    name, spec = name_and_spec(document)
    keys = spec.mapping(CONSTRAINT_KEYS)
    policy = known_policy(required(keys, "policy", spec), schemas)
    own = schemas[policy]
    parameters = keys.get("parameters")
    return Constraint(
        name=name.text(),
        policy=policy,
        actions=_actions(required(keys, "enforcementAction", spec)),
        match=read_selector(keys["match"]) if "match" in keys else Selector(),
        exclude=_exclusion(keys["exclude"]) if "exclude" in keys else Selector(),
        parameters=read_parameters(parameters, own) if parameters else defaults(own),
        location=document.where,
    )


def plain_constraint(policy: str, action: EnforcementAction, module: str) -> Constraint:
    """Return the constraint of a plain rule of conftest that no document names."""
    return Constraint(
        name=policy,
        policy=policy,
        actions={"default": action},
        match=Selector(),
        exclude=Selector(),
        parameters={},
        location=Location(module),
    )


def known_policy(value: Value, policies: Iterable[str]) -> str:
    """Return the id in `value`, which must be one of `policies`."""
    if value.text() not in policies:
        raise value.error(
            f"is {value.text()!r}, which no pack of this policy set has"
            f"{suggestion(value.text(), policies)}"
        )
    return value.text()


def name_and_spec(document: Value) -> tuple[Value, Value]:
    """Return the name and the spec of a document."""
    keys = document.mapping()
    metadata = required(keys, "metadata", document)
    name = required(metadata.mapping(("name",)), "name", metadata)
    name.text()
    return name, required(keys, "spec", document)


def read_selector(value: Value, known: Iterable[str] = SELECTOR_KEYS) -> Selector:
    """Return the selector in a mapping whose keys are some of `known`."""
    fields: dict[str, tuple[str, ...]] = {}
    for key, below in value.mapping(known).items():
        fields[key] = below.texts()
        if not fields[key]:
            raise below.error("is an empty list, which would select nothing: leave it out")
    for key, choices in (("operations", OPERATIONS), ("enforcementPoints", POINTS)):
        for below in value.mapping()[key].items() if key in fields else ():
            if "*" not in below.text():
                below.one_of(choices)
    return msgspec.convert(fields, Selector)


def check_authors(value: Value) -> None:
    """Raise PolicySetError when the selector in `value` has only fields that authors choose."""
    keys = value.mapping()
    if not keys.keys() & set(IDENTIFYING_KEYS):
        raise value.error(
            "must say for which repositories, environments, hosts, users or groups: "
            "whoever writes a project names it and its services"
        )


def _exclusion(value: Value) -> Selector:
    exclude = read_selector(value)
    keys = value.mapping()
    if "services" in keys:
        raise keys["services"].error("is not possible: who names a service would exclude it")
    if "projects" in keys:
        check_authors(value)
    return exclude


def _actions(value: Value) -> dict[str, EnforcementAction]:
    if value.kind() != "a mapping":
        return {"default": _action(value)}
    keys = value.mapping(("default", *POINTS))
    required(keys, "default", value)
    return {point: _action(below) for point, below in keys.items()}


def _action(value: Value) -> EnforcementAction:
    text = value.one_of(ACTIONS)
    return next(action for action in ACTIONS if action == text)
