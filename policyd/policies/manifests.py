"""Read the documents of a policy set: the PolicySet document and the constraints.

In: YAML values with their positions, and the policies that they may name. Out: Heading, Constraint;
`exceptions.py` reads the exceptions. Errors: PolicySetError with file, line and column for every
invalid key, name or value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, get_args

import msgspec

from policyd.lazy_pattern import lazy_pattern
from policyd.model import API_VERSION, EnforcementAction, EnforcementPoint, Location
from policyd.policies.matching import SELECTOR_KEYS, Selector
from policyd.policies.parameters import Schema, defaults, read_parameters
from policyd.policies.problems import Problems
from policyd.policies.selector_checks import (
    CHOICES,
    escape_warnings,
    glob_problems,
    identity_problem,
)
from policyd.policies.times import read_duration
from policyd.policies.yaml_documents import Value, required
from policyd.suggestion import did_you_mean

ACTIONS: Final[tuple[EnforcementAction, ...]] = get_args(EnforcementAction)
POINTS: Final[tuple[EnforcementPoint, ...]] = get_args(EnforcementPoint)

KINDS: Final = ("PolicySet", "Constraint", "Exception")
DOCUMENT_KEYS: Final = ("apiVersion", "kind", "metadata", "spec")
POLICY_SET_KEYS: Final = ("packs", "data", "exceptions")
LABEL: Final = lazy_pattern(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
LABEL_KEY: Final = lazy_pattern(rf"([a-z0-9][a-z0-9.-]{{0,251}}[a-z0-9]/)?{LABEL.pattern}")
"""As in Kubernetes: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/."""

CONSTRAINT_KEYS: Final = (
    *("policy", "enforcementAction", "match", "exclude", "parameters"),
    "maxLease",
)


_NO_LEASE: Final[str | msgspec.UnsetType] = msgspec.UNSET


class Heading(msgspec.Struct, frozen=True):
    """The PolicySet document. `packs` are names of built-in packs, or folders; `data` are files.

    `exceptions` limits how long exceptions may be in force.
    """

    name: str
    packs: tuple[Value, ...]
    data: tuple[Value, ...]
    exceptions: Value | None


class Header(msgspec.Struct, frozen=True):
    """What every document has: its name, its labels, and its spec, which is a mapping."""

    name: str
    labels: dict[str, str]
    spec: Value


class Constraint(msgspec.Struct, frozen=True, rename="camel"):
    """Where a policy is in force, and what happens when a project violates it.

    `actions` has the enforcement action by enforcement point, and `default` for the others.
    `labels` are for people and programs that read the policy set; they do not affect decisions.
    `max_lease` is the longest time for which grants of the selected services are held, as in 30d.
    """

    name: str
    policy: str
    actions: dict[str, EnforcementAction]
    match: Selector
    exclude: Selector
    parameters: dict[str, Any]
    location: Location
    labels: dict[str, str] = {}
    max_lease: str | msgspec.UnsetType = msgspec.UNSET

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
    """Return the content of a PolicySet document. Raises its first error."""
    problems = Problems()
    heading = partial_heading(document, problems)
    for problem in problems:
        raise problem
    return heading


def partial_heading(document: Value, problems: Problems) -> Heading:
    """Return the valid content of a PolicySet document, after adding its errors to `problems`."""
    header = read_header(document, problems)
    if header is None:
        return Heading("", (), (), None)
    keys = header.spec.known(POLICY_SET_KEYS, problems)
    return Heading(
        name=header.name,
        packs=problems.attempt(lambda: _packs(keys, header.spec), ()),
        data=problems.attempt(lambda: tuple(keys["data"].items()), ()) if "data" in keys else (),
        exceptions=keys.get("exceptions"),
    )


def _packs(keys: Mapping[str, Value], spec: Value) -> tuple[Value, ...]:
    packs = tuple(required(keys, "packs", spec).items())
    if not packs:
        raise keys["packs"].error("is empty: it must name at least one pack")
    return packs


def read_constraint(
    document: Value, schemas: Mapping[str, Mapping[str, Schema]] | None, problems: Problems
) -> Constraint | None:
    """Return the constraint in a document, or None after adding its errors to `problems`.

    `schemas` has the parameters of each policy by its ID; None means that they are not known.
    `exclude` must not name services, because the author of a project chooses their names.
    """
    before = len(problems)
    header = read_header(document, problems, ("name", "labels"))
    if header is None:
        return None
    spec = header.spec
    keys = spec.known(CONSTRAINT_KEYS, problems)
    policy = problems.attempt(lambda: known_policy(required(keys, "policy", spec), schemas), "")
    constraint = Constraint(
        name=header.name,
        policy=policy,
        actions=problems.attempt(lambda: _actions(required(keys, "enforcementAction", spec)), {}),
        match=read_selector(keys.get("match"), problems),
        exclude=_exclusion(keys.get("exclude"), problems),
        parameters=problems.attempt(
            lambda: _parameters(keys.get("parameters"), (schemas or {}).get(policy)), {}
        ),
        location=document.where,
        labels=header.labels,
        max_lease=problems.attempt(lambda: _lease(keys.get("maxLease")), _NO_LEASE),
    )
    if len(problems) > before:
        return None
    problems.warnings += escape_warnings(spec)
    return constraint


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


def known_policy(value: Value, policies: Iterable[str] | None) -> str:
    """Return the policy ID in `value`. Raises PolicySetError unless it is one of `policies`.

    With None, the policies are not known, and any ID is returned.
    """
    if policies is not None and value.text() not in policies:
        raise value.error(
            f"is {value.text()!r}, but no pack of this policy set has it"
            f"{did_you_mean(value.text(), policies)}"
        )
    return value.text()


def read_header(
    document: Value, problems: Problems, metadata_keys: Iterable[str] = ("name",)
) -> Header | None:
    """Return the metadata and the spec of a document, or None if it has no usable spec.

    Errors are added to `problems`.
    """
    with problems.collecting():
        keys = document.mapping()
        metadata = required(keys, "metadata", document).known(metadata_keys, problems)
        name = problems.attempt(lambda: _name(required(metadata, "name", keys["metadata"])), "")
        labels: dict[str, str] = {}
        with problems.collecting():
            labels = _labels(metadata.get("labels"))
        spec = required(keys, "spec", document)
        spec.known(None, [])
        return Header(name, labels, spec)
    return None


def read_selector(
    value: Value | None, problems: Problems, known: Iterable[str] = SELECTOR_KEYS
) -> Selector:
    """Return the selector in a mapping; None selects everything.

    Errors are added to `problems`: keys outside `known`, and globs that can never match.
    """
    fields: dict[str, tuple[str, ...]] = {}
    if value is None:
        return Selector()
    with problems.collecting():
        for key, below in value.known(known, problems).items():
            with problems.collecting():
                fields[key] = _globs(below, CHOICES.get(key))
                problems += glob_problems(key, below)
    return msgspec.convert(fields, Selector)


def _globs(value: Value, choices: Sequence[str] | None) -> tuple[str, ...]:
    globs = value.texts()
    if not globs:
        raise value.error("is an empty list, which would select nothing: remove the key")
    for below in value.items() if choices else ():
        if "*" not in below.text():
            below.one_of(choices or ())
    return globs


def _exclusion(value: Value | None, problems: Problems) -> Selector:
    before = len(problems)
    exclude = read_selector(value, problems)
    if value is None or len(problems) > before:
        return exclude
    keys = value.mapping()
    if "services" in keys:
        problems.append(
            keys["services"].error(
                "is not allowed: the author of a project could choose an excluded service name"
            )
        )
    elif "projects" in keys and (problem := identity_problem(value)):
        problems.append(problem)
    return exclude


def _parameters(value: Value | None, own: Mapping[str, Schema] | None) -> dict[str, Any]:
    if own is None:
        return {}
    return read_parameters(value, own) if value else defaults(own)


def _lease(value: Value | None) -> str | msgspec.UnsetType:
    return read_duration(value) if value else _NO_LEASE


def _name(value: Value) -> str:
    name = value.text()
    if not name.isprintable():
        raise value.error(f"is {name!r}: it must not have unprintable characters")
    return name


def _labels(value: Value | None) -> dict[str, str]:
    if value is None:
        return {}
    found = value.mapping()
    for key, below in found.items():
        if not LABEL_KEY.fullmatch(key):
            raise below.error(
                "has an invalid key; write letters, digits, '-', '_' and '.', such as team or "
                "acme.example/team"
            )
        if not LABEL.fullmatch(below.text()):
            raise below.error(
                f"is {below.text()!r}: a label has at most 63 letters, digits, '-', '_' and '.', "
                "and begins and ends with a letter or a digit"
            )
    return {key: below.text() for key, below in found.items()}


def _actions(value: Value) -> dict[str, EnforcementAction]:
    if value.kind() != "a mapping":
        return {"default": _action(value)}
    keys = value.mapping(("default", *POINTS))
    required(keys, "default", value)
    return {point: _action(below) for point, below in keys.items()}


def _action(value: Value) -> EnforcementAction:
    text = value.one_of(ACTIONS)
    return next(action for action in ACTIONS if action == text)
