"""Check the parameters of a constraint against the schema in its policy's METADATA.

In: a schema, and the values of a constraint. Out: the parameters, completed with defaults. Each
parameter has a schema, in a small subset of JSON Schema: `type`, `description`, `default` (which is
required: a policy must work without configuration), `enum`, `minimum`, `maximum`, `items` for an
array, `additionalProperties` for an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from policyd.policies.yaml_documents import Value, required

_KEYS: Final = (
    "type",
    "description",
    "default",
    "enum",
    "minimum",
    "maximum",
    "items",
    "additionalProperties",
)

_TYPES: Final[dict[str, tuple[str, Callable[[Any], bool]]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "boolean": ("a boolean", lambda value: isinstance(value, bool)),
    "integer": ("an integer", lambda value: type(value) is int),
    "number": ("a number", lambda value: type(value) in (int, float)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "object": ("a mapping", lambda value: isinstance(value, dict)),
}


class Schema(msgspec.Struct, frozen=True, rename="camel"):
    """The values that a parameter, or a part of one, may have."""

    type: str
    description: str = ""
    default: Any = None
    enum: tuple[Any, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    items: Schema | None = None
    additional_properties: Schema | None = None


def read_schemas(value: Value) -> dict[str, Schema]:
    """Return the schemas of the parameters in `value`, a mapping by name.

    Raises PolicySetError for an invalid schema, and for a default that does not match its schema.
    """
    schemas = {}
    for name, below in value.mapping().items():
        schemas[name] = _schema(below)
        default = required(below.mapping(_KEYS), "default", below)
        check(default, schemas[name])
    return schemas


def read_parameters(value: Value, schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the parameters in the mapping `value`, completed with defaults.

    Raises PolicySetError for a parameter that is not in `schemas`, or does not match its schema.
    """
    parameters = defaults(schemas)
    for name, below in value.mapping(schemas).items():
        check(below, schemas[name])
        parameters[name] = below.plain()
    return parameters


def defaults(schemas: Mapping[str, Schema]) -> dict[str, Any]:
    """Return the default of each parameter."""
    return {name: schema.default for name, schema in schemas.items()}


def check(value: Value, schema: Schema) -> None:
    """Raise PolicySetError unless `value` matches `schema`."""
    kind, fits = _TYPES[schema.type]
    found = value.plain()
    if not fits(found):
        raise value.error(f"must be {kind}, not {value.kind()}")
    if schema.enum and found not in schema.enum:
        raise value.error(f"is {found}: it must be one of {', '.join(map(str, schema.enum))}")
    if schema.minimum is not None and found < schema.minimum:
        raise value.error(f"is {found}: it must be at least {schema.minimum:g}")
    if schema.maximum is not None and found > schema.maximum:
        raise value.error(f"is {found}: it must be at most {schema.maximum:g}")
    if schema.items:
        for item in value.items():
            check(item, schema.items)
    if schema.additional_properties:
        for below in value.mapping().values():
            check(below, schema.additional_properties)


def _schema(value: Value) -> Schema:
    keys = value.mapping(_KEYS)
    kind = required(keys, "type", value).one_of(tuple(_TYPES))
    for key, of in (
        ("minimum", ("integer", "number")),
        ("maximum", ("integer", "number")),
        ("items", ("array",)),
        ("additionalProperties", ("object",)),
    ):
        if key in keys and kind not in of:
            raise keys[key].error(f"is only valid for the type {' or '.join(of)}")
    return Schema(
        type=kind,
        description=keys["description"].text() if "description" in keys else "",
        default=keys["default"].plain() if "default" in keys else None,
        enum=tuple(item.plain() for item in keys["enum"].items()) if "enum" in keys else (),
        minimum=_number(keys.get("minimum")),
        maximum=_number(keys.get("maximum")),
        items=_schema(keys["items"]) if "items" in keys else None,
        additional_properties=(
            _schema(keys["additionalProperties"]) if "additionalProperties" in keys else None
        ),
    )


def _number(value: Value | None) -> float | None:
    if value is None:
        return None
    check(value, Schema("number"))
    return float(value.plain())
