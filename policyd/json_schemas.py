"""JSON Schemas of the input of policies, and of the documents of a policy set.

In: the policies of a policy set. Out: schemas of draft 2020-12, as JSON values. They are generated
from the types, and from the lists of keys that the readers of documents use. Every accepted
document is valid against its schema. Only the readers check times, duplicate names and globs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from policyd.model import API_VERSION
from policyd.policies import exceptions, organisation_data
from policyd.policies.manifests import (
    ACTIONS,
    CONSTRAINT_KEYS,
    DOCUMENT_KEYS,
    KINDS,
    LABEL,
    LABEL_KEY,
    POINTS,
    POLICY_SET_KEYS,
)
from policyd.policies.matching import EXCEPTION_KEYS, IDENTIFYING_KEYS, SELECTOR_KEYS
from policyd.policies.packs import Policy
from policyd.policies.parameters import Schema
from policyd.policies.selector_checks import CHOICES
from policyd.policies.times import DURATION
from policyd.policy_input import PolicyInput

Json = dict[str, Any]
Policies = Mapping[str, Policy]

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Final[Json] = {"type": "string", "minLength": 1}
_LABELS: Final[Json] = {
    "type": "object",
    "propertyNames": {"pattern": f"^{LABEL_KEY.pattern}$"},
    "additionalProperties": {"type": "string", "pattern": f"^{LABEL.pattern}$"},
    "description": "For people and programs that read the policy set; decisions ignore them.",
}
_DAYS: Final[Json] = {"type": "integer", "minimum": 1}
_TIME: Final[Json] = {
    "type": "string",
    "format": "date-time",
    "description": "A time in RFC 3339, such as 2027-01-31T00:00:00Z.",
}


def policy_input(policies: Policies) -> Json:
    """Return the schema of the input of policies, in which every key is required.

    The constraints are those on `policies`, with their parameters; without any policies, the
    constraints on a policy have any parameters.
    """
    schema = msgspec.json.schema(PolicyInput)
    for part in schema["$defs"].values():
        part["description"] = " ".join(part["description"].split())
        part["required"] = list(part["properties"])
        part["additionalProperties"] = False
    if policies:
        asked = schema["$defs"]["AskedConstraint"]
        schema["$defs"]["PolicyInput"]["properties"]["constraints"] = _mapping(
            {policy.id: _asked(asked, policy) for policy in policies.values()}
        )
    return {"$schema": DRAFT, **schema}


def policy_set(policies: Policies) -> Json:
    """Return the schema of a document of any kind in the file of a policy set."""
    of_kind: dict[str, Callable[[Policies], Json]] = {
        "PolicySet": _heading,
        "Constraint": _constraint,
        "Exception": _exception,
    }
    return {
        "$schema": DRAFT,
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(KINDS)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}}, "then": of_kind[kind](policies)}
            for kind in KINDS
        ],
    }


def constraint(policies: Policies) -> Json:
    """Return the schema of a Constraint, with the parameters of each policy."""
    return {"$schema": DRAFT, **_constraint(policies)}


def exception(policies: Policies) -> Json:
    """Return the schema of an Exception."""
    return {"$schema": DRAFT, **_exception(policies)}


def data(_policies: Policies) -> Json:
    """Return the schema of a data file: its inventory and entitlements."""
    return organisation_data.schema()


SCHEMAS: Final[dict[str, Callable[[Policies], Json]]] = {
    "input": policy_input,
    "policyset": policy_set,
    "constraint": constraint,
    "exception": exception,
    "data": data,
}
"""The functions that return a schema, by its name on the command line."""


def _asked(any_policy: Json, policy: Policy) -> Json:
    """Return the schema of the constraints on `policy`, a list, in the input of policies."""
    parameters = _parameters(policy.parameters) | {"required": list(policy.parameters)}
    properties = any_policy["properties"] | {"parameters": parameters}
    return {"type": "array", "items": any_policy | {"properties": properties}}


def _heading(policies: Policies) -> Json:
    days = {"anyOf": [_DAYS, _mapping(dict.fromkeys(("default", *policies), _DAYS))]}
    keys: Json = {
        "packs": _list(_TEXT)
        | {"description": "Names of built-in packs, and folders of other packs."},
        "data": _list(_TEXT, at_least=0)
        | {"description": "Data files, in the order in which they are merged."},
        "exceptions": _mapping({"maxDays": days}, ["maxDays"]),
    }
    return _document("PolicySet", _only(keys, POLICY_SET_KEYS), ["packs"])


def _constraint(policies: Policies) -> Json:
    action = {"enum": list(ACTIONS)}
    by_point = _mapping(dict.fromkeys(("default", *POINTS), action), ["default"])
    keys: Json = {
        "policy": {"enum": list(policies)},
        "enforcementAction": {"anyOf": [action, by_point]},
        "match": _selector(SELECTOR_KEYS),
        "exclude": _exclusion(),
        "parameters": {"type": "object"},
        "maxLease": {
            "type": "string",
            "pattern": f"^{DURATION}$",
            "description": "The longest time for which grants are held, such as 12h or 30d.",
        },
    }
    required = ["policy", "enforcementAction"]
    schema = _document("Constraint", _only(keys, CONSTRAINT_KEYS), required, {"labels": _LABELS})
    schema["properties"]["spec"]["allOf"] = [
        {
            "if": {"properties": {"policy": {"const": policy.id}}},
            "then": {"properties": {"parameters": _parameters(policy.parameters)}},
        }
        for policy in policies.values()
    ]
    return schema


def _exception(policies: Policies) -> Json:
    keys: Json = {
        "policies": _list({"enum": list(policies)}),
        "match": _selector(EXCEPTION_KEYS) | _any_of(IDENTIFYING_KEYS),
        "starts": _TIME,
        "expires": _TIME,
        "owner": _TEXT,
        "reason": _TEXT,
        "approvedBy": _TEXT,
        "breakGlass": {"type": "boolean"},
        "onRequest": {"type": "boolean"},
    }
    required = ["match", "expires", "owner", "reason", "approvedBy"]
    schema = _document("Exception", _only(keys, exceptions.KEYS), required)
    schema["properties"]["spec"] |= {
        "if": {"required": ["breakGlass"], "properties": {"breakGlass": {"const": True}}},
        "then": {
            "required": ["starts"],
            "properties": {"policies": False, "onRequest": {"const": False}},
        },
        "else": {"required": ["policies"]},
    }
    return schema


def _document(kind: str, spec: Json, required: Sequence[str], metadata: Json | None = None) -> Json:
    keys: Json = {
        "apiVersion": {"const": API_VERSION},
        "kind": {"const": kind},
        "metadata": _mapping({"name": _TEXT, **(metadata or {})}, ["name"]),
        "spec": _mapping(spec, required),
    }
    return _mapping(_only(keys, DOCUMENT_KEYS), DOCUMENT_KEYS)


def _selector(keys: Iterable[str]) -> Json:
    return _mapping(
        {
            key: _list(
                {"anyOf": [{"enum": list(CHOICES[key])}, {"type": "string", "pattern": "[*]"}]}
                if key in CHOICES
                else _TEXT
            )
            for key in keys
        }
    )


def _exclusion() -> Json:
    selector = _selector(key for key in SELECTOR_KEYS if key != "services")
    return selector | {"if": {"required": ["projects"]}, "then": _any_of(IDENTIFYING_KEYS)}


def _parameters(schemas: Mapping[str, Schema]) -> Json:
    return _mapping({name: _plain(schema) for name, schema in schemas.items()})


def _plain(schema: Schema) -> Json:
    """Return the JSON Schema of a parameter, without its empty keywords."""
    found: Json = {
        key: value
        for key, value in msgspec.to_builtins(schema).items()
        if value is not None and (value or key not in ("description", "enum"))
    }
    below = {"items": schema.items, "additionalProperties": schema.additional_properties}
    return found | {key: _plain(part) for key, part in below.items() if part}


def _mapping(properties: Json, required: Sequence[str] = ()) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(items: Json, at_least: int = 1) -> Json:
    return {"type": "array", "items": items, "minItems": at_least}


def _any_of(keys: Iterable[str]) -> Json:
    return {"anyOf": [{"required": [key]} for key in keys]}


def _only(properties: Json, keys: Iterable[str]) -> Json:
    """Return `properties` in the order of `keys`. All keys must have a property."""
    return {key: properties[key] for key in keys}
