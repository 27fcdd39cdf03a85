"""Read the documents of a policy set: which packs it names, and its constraints.

In: YAML values with their places, and the policies that constraints may name. Out: Heading,
Constraint. Errors: PolicySetError with file, line and column for every key, name or value that is
not right.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec

from policyd.errors import PolicySetError
from policyd.model import (
    API_VERSION,
    EnforcementAction,
    EnforcementPoint,
    Location,
    Operation,
)
from policyd.policies.matching import SELECTOR_KEYS, Selector
from policyd.policies.parameters import Schema, defaults, read_parameters
from policyd.policies.yamldoc import Value, required, suggestion

ACTIONS: Final[tuple[EnforcementAction, ...]] = get_args(EnforcementAction)
POINTS: Final[tuple[EnforcementPoint, ...]] = get_args(EnforcementPoint)
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

_KINDS: Final = ("PolicySet", "Constraint")


class Heading(msgspec.Struct, frozen=True):
    """The PolicySet document: packs are names of built-in ones or folders, data are files."""

    name: str
    packs: tuple[Value, ...]
    data: tuple[Value, ...]


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
    keys = document.mapping(("apiVersion", "kind", "metadata", "spec"))
    version = required(keys, "apiVersion", document)
    if version.text() != API_VERSION:
        raise version.error(f"is {version.text()!r}: it must be {API_VERSION}")
    return required(keys, "kind", document).one_of(_KINDS)


def read_heading(document: Value) -> Heading:
    """Return what a PolicySet document says."""
    name, spec = _name_and_spec(document)
    keys = spec.mapping(("packs", "data"))
    packs = tuple(required(keys, "packs", spec).items())
    if not packs:
        raise keys["packs"].error("is empty: a policy set without a pack has no policies")
    return Heading(name.text(), packs, tuple(keys["data"].items()) if "data" in keys else ())


def read_constraint(document: Value, schemas: Mapping[str, Mapping[str, Schema]]) -> Constraint:
    """Return the constraint in a document; `schemas` has the parameters of each policy by its id.

    A service may not be excluded by its name: the name is the project's to choose.
    """
    name, spec = _name_and_spec(document)
    keys = spec.mapping(("policy", "enforcementAction", "match", "exclude", "parameters"))
    policy = required(keys, "policy", spec)
    if policy.text() not in schemas:
        raise policy.error(
            f"is {policy.text()!r}, which no pack of this policy set has"
            f"{suggestion(policy.text(), schemas)}"
        )
    own = schemas[policy.text()]
    exclude = _selector(keys["exclude"]) if "exclude" in keys else Selector()
    if exclude.services:
        raise (
            keys["exclude"]
            .mapping()["services"]
            .error("is not possible: who names a service would exclude it")
        )
    parameters = keys.get("parameters")
    return Constraint(
        name=name.text(),
        policy=policy.text(),
        actions=_actions(required(keys, "enforcementAction", spec)),
        match=_selector(keys["match"]) if "match" in keys else Selector(),
        exclude=exclude,
        parameters=read_parameters(parameters, own) if parameters else defaults(own),
        location=document.where,
    )


def check_names(constraints: tuple[Constraint, ...]) -> None:
    """Raise PolicySetError when two of `constraints` have one name."""
    seen: dict[str, Constraint] = {}
    for constraint in constraints:
        first = seen.setdefault(constraint.name, constraint)
        if first is not constraint:
            raise PolicySetError(
                f"constraint {constraint.name!r} is already at {first.location}",
                constraint.location,
            )


def _name_and_spec(document: Value) -> tuple[Value, Value]:
    keys = document.mapping()
    metadata = required(keys, "metadata", document)
    name = required(metadata.mapping(("name",)), "name", metadata)
    name.text()
    return name, required(keys, "spec", document)


def _actions(value: Value) -> dict[str, EnforcementAction]:
    if value.kind() != "a mapping":
        return {"default": _action(value)}
    keys = value.mapping(("default", *POINTS))
    required(keys, "default", value)
    return {point: _action(below) for point, below in keys.items()}


def _action(value: Value) -> EnforcementAction:
    text = value.one_of(ACTIONS)
    return next(action for action in ACTIONS if action == text)


def _selector(value: Value) -> Selector:
    fields: dict[str, tuple[str, ...]] = {}
    for key, below in value.mapping(SELECTOR_KEYS).items():
        fields[key] = below.texts()
        if not fields[key]:
            raise below.error("is an empty list, which would select nothing: leave it out")
    for key, known in (("operations", OPERATIONS), ("enforcementPoints", POINTS)):
        for below in value.mapping()[key].items() if key in fields else ():
            if "*" not in below.text():
                below.one_of(known)
    return msgspec.convert(fields, Selector)
