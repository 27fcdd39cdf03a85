"""Read the documents of a policy set: the PolicySet document and the constraints.

In: YAML values with their positions, and the policies that they may name. Out: Heading, Constraint;
`exceptions.py` reads the exceptions. Errors: PolicySetError with file, line and column for every
invalid key, name or value.
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
from policyd.policies.yaml_documents import Value, required
from policyd.suggestion import did_you_mean

ACTIONS: Final[tuple[EnforcementAction, ...]] = get_args(EnforcementAction)
POINTS: Final[tuple[EnforcementPoint, ...]] = get_args(EnforcementPoint)
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

KINDS: Final = ("PolicySet", "Constraint", "Exception")
DOCUMENT_KEYS: Final = ("apiVersion", "kind", "metadata", "spec")
POLICY_SET_KEYS: Final = ("packs", "data", "exceptions")
CONSTRAINT_KEYS: Final = ("policy", "enforcementAction", "match", "exclude", "parameters")


class Heading(msgspec.Struct, frozen=True):
    """The PolicySet document. `packs` are names of built-in packs, or folders; `data` are files.

    `exceptions` limits how long exceptions may be in force.
    """

    name: str
    packs: tuple[Value, ...]
    data: tuple[Value, ...]
    exceptions: Value | None


class Constraint(msgspec.Struct, frozen=True, rename="camel"):
    """Where a policy is in force, and what happens when a project violates it.

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
        """Return the enforcement action for a violation at the enforcement point `point`."""
        return self.actions.get(point, self.actions["default"])


def kind_of(document: Value) -> str:
    """Return the kind of a document. Raises PolicySetError for an unknown kind or apiVersion."""
    keys = document.mapping(DOCUMENT_KEYS)
    version = required(keys, "apiVersion", document)
    if version.text() != API_VERSION:
        raise version.error(f"is {version.text()!r}: it must be {API_VERSION}")
    return required(keys, "kind", document).one_of(KINDS)


def read_heading(document: Value) -> Heading:
    """Return the content of a PolicySet document."""
    name, spec = name_and_spec(document)
    keys = spec.mapping(POLICY_SET_KEYS)
    packs = tuple(required(keys, "packs", spec).items())
    if not packs:
        raise keys["packs"].error("is empty: it must name at least one pack")
    return Heading(
        name=name.text(),
        packs=packs,
        data=tuple(keys["data"].items()) if "data" in keys else (),
        exceptions=keys.get("exceptions"),
    )


def read_constraint(document: Value, schemas: Mapping[str, Mapping[str, Schema]]) -> Constraint:
    """Return the constraint in a document. `schemas` has the parameters of each policy by its ID.

    `exclude` must not name services, because the author of a project chooses their names.
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
    """Return the constraint of a plain conftest rule for which no Constraint is defined."""
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
    """Return the policy ID in `value`. Raises PolicySetError unless it is one of `policies`."""
    if value.text() not in policies:
        raise value.error(
            f"is {value.text()!r}, but no pack of this policy set has it"
            f"{did_you_mean(value.text(), policies)}"
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
    """Return the selector in a mapping. Raises PolicySetError for keys outside `known`."""
    fields: dict[str, tuple[str, ...]] = {}
    for key, below in value.mapping(known).items():
        fields[key] = below.texts()
        if not fields[key]:
            raise below.error("is an empty list, which would select nothing: remove the key")
    for key, choices in (("operations", OPERATIONS), ("enforcementPoints", POINTS)):
        for below in value.mapping()[key].items() if key in fields else ():
            if "*" not in below.text():
                below.one_of(choices)
    return msgspec.convert(fields, Selector)


def check_authors(value: Value) -> None:
    """Raise PolicySetError when `value` selects only by fields that the project author controls."""
    keys = value.mapping()
    if not keys.keys() & set(IDENTIFYING_KEYS):
        raise value.error(
            f"must have at least one of the keys {', '.join(IDENTIFYING_KEYS)}: the author of a "
            "project chooses the names of the project and of its services"
        )


def _exclusion(value: Value) -> Selector:
    exclude = read_selector(value)
    keys = value.mapping()
    if "services" in keys:
        raise keys["services"].error(
            "is not allowed: the author of a project could choose an excluded service name"
        )
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
