"""What the lint knows about the input of policies.

In: the policies of a policy set. Out: the value of `input` for policies and for plain conftest
rules, and what to write instead of keys that other tools have, or that a workload does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec

from policyd.compose.table.fields import PROJECT
from policyd.policies.parameters import Schema
from policyd.policies.shapes import (
    NEVER,
    STRING,
    Shape,
    Value,
    from_json_schema,
    from_parameters,
    object_of,
    one,
    only,
)
from policyd.policy_input import PolicyInput

_WORKLOADS: Final = "write `some w in input.workloads`, then `w.image`"
_PARAMETERS: Final = 'write `some c in input.constraints["ID"]` with the policy\'s ID, then'
INSTEAD: Final[dict[tuple[str, str], str]] = {
    ("input", "parameters"): f"{_PARAMETERS} `c.parameters`",
    ("input", "document"): "write `input.project` for the Compose project, or `input.workloads`",
    ("input", "request"): "write `input.review` for the review, or `input.project` for the project",
    ("input", "services"): "write `input.workloads`, or `input.project.services`",
    ("input", "object"): "write `input.project`",
    ("input", "version"): "Compose ignores it, so the effective model does not have it",
    ("review", "object"): "write `input.project` for the Compose project, or `input.workloads`",
    ("review", "kind"): "a review is always about a Compose project",
    ("review", "parameters"): f"{_PARAMETERS} `c.parameters`",
    ("review", "user"): "write `input.review.userInfo.username`",
    ("workload", "volumes"): "write `some m in w.mounts`, then `m.source`",
    ("workload", "gpus"): "write `some g in w.grants`, or `w.device_requests`",
    ("workload", "deploy"): "write `w.replicas`, `w.memory_limit` or `w.device_requests`",
    ("workload", "mem_limit"): "write `w.memory_limit`, in bytes",
    ("workload", "cpus"): "write `w.cpu_limit`, in billionths of a CPU",
    ("workload", "scale"): "write `w.replicas`",
    ("workload", "restart_policy"): "write `w.restart.condition`",
    ("workload", "env"): "write `w.environment`",
    ("workload", "pre_start"): 'such a hook is a workload of its own, with w.kind == "hook"',
    ("grant", "count"): "write `count(grant.identities)`, or read `grant.devices`",
    ("grant", "driver"): "write `grant.vendor`",
    ("constraint", "spec"): "write `c.parameters`",
}
"""What to write instead of a key, by the title of the value and the key."""

_SERVICE_KEYS: Final = frozenset(PROJECT.at("services", "*").children)


def instead_of(title: str, key: str) -> str:
    """Return what to write instead of `key` of a value with this title, or ""."""
    found = INSTEAD.get((title, key), "")
    if not found and title == "workload" and key in _SERVICE_KEYS:
        return f"write `input.project.services[w.service].{key}`"
    return found


Parameters = Mapping[str, Mapping[str, Schema] | None]
"""The schemas of the parameters of each policy by its ID; None where they are not known."""


def input_value(policies: Parameters) -> Value:
    """Return the value of `input` for policies. `policies` has the parameters of each policy."""
    plain = only(_input_without_parameters())
    asked = only(only(only(plain.fields["constraints"]).each).each)
    constraints = {
        policy: one(Shape("array", each=one(_with(asked, parameters=_parameters(schemas)))))
        for policy, schemas in policies.items()
    }
    of_all = Shape("object", fields=constraints, each=NEVER, title="constraints")
    known = one(of_all) if policies else plain.fields["constraints"]
    return one(_with(plain, constraints=known, project=project_value()))


def _parameters(schemas: Mapping[str, Schema] | None) -> Value:
    return None if schemas is None else from_parameters(schemas)


def plain_input_value(policies: Parameters) -> Value:
    """Return the value of `input` for plain conftest rules: it has the effective model too."""
    shape, project = only(input_value(policies)), only(project_value())
    fields = {**project.fields, **shape.fields}
    return one(Shape("object", fields=fields, each=NEVER, title="input"))


@cache
def project_value() -> Value:
    """Return the value of `input.project`, the effective model with its name."""
    shape = object_of(PROJECT, "project")
    fields = {key: value for key, value in shape.fields.items() if key not in _REMOVED}
    return one(Shape("object", fields=fields | {"name": one(STRING)}, each=NEVER, title="project"))


_REMOVED: Final = ("version", "include")
"""Keys of a file that the effective model does not have."""


@cache
def _input_without_parameters() -> Value:
    schema: dict[str, Any] = msgspec.json.schema(PolicyInput)
    return from_json_schema(schema, schema["$defs"])


def _with(shape: Shape, **fields: Value) -> Shape:
    """Return a copy of an object in which `fields` have other values."""
    return Shape(
        "object",
        fields={**shape.fields, **fields},
        each=shape.each,
        is_total=shape.is_total,
        title=shape.title,
    )
