"""What a value in Rego can be, as far as the lint knows it.

In: JSON Schemas, the schemas of parameters, and the table of Compose fields. Out: values. A Value
is the set of shapes that are possible, or None when nothing is known; an empty set means that the
expression is always undefined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from policyd.compose.table.field import Field
from policyd.policies.parameters import Schema

Kind = Literal["null", "boolean", "number", "string", "array", "object", "set"]


class Shape:
    """A kind of value, and what is below it.

    `fields` are the known keys of an object; `each` is the value of any other key, and of the items
    of an array or a set. `is_closed` says that there are no other keys, `is_total` that every known
    key is present. `choices` are the only values of a string, if they are known. `title` is what
    messages call the value. Two shapes are equal if they are the same object.
    """

    __slots__ = ("choices", "each", "fields", "is_closed", "is_total", "kind", "title")

    def __init__(
        self,
        kind: Kind,
        *,
        each: Value = None,
        fields: Mapping[str, Value] | None = None,
        is_total: bool = False,
        choices: Iterable[str] = (),
        title: str = "",
    ) -> None:
        self.kind = kind
        self.each = each
        self.fields = fields or {}
        self.is_closed = fields is not None and each is not None and not each
        self.is_total = is_total
        self.choices = frozenset(choices)
        self.title = title

    def field(self, key: str) -> Value:
        """Return the value of the key `key`; an empty set if there is no such key."""
        if self.kind != "object":
            return NEVER
        if key in self.fields:
            return self.fields[key]
        return None if key.startswith("x-") and not self.is_total else self.each

    def items(self) -> Value:
        """Return the value of all items, elements or keys together."""
        if self.kind not in ("array", "object", "set"):
            return NEVER
        return union([*self.fields.values(), self.each])


Value = frozenset[Shape] | None

NEVER: Final[frozenset[Shape]] = frozenset()

NULL: Final = Shape("null")
BOOLEAN: Final = Shape("boolean")
NUMBER: Final = Shape("number")
STRING: Final = Shape("string")
SIMPLE: Final[dict[str, Shape]] = {
    "null": NULL,
    "boolean": BOOLEAN,
    "number": NUMBER,
    "integer": NUMBER,
    "string": STRING,
    "array": Shape("array"),
    "object": Shape("object"),
    "set": Shape("set"),
}

NOUNS: Final[dict[str, str]] = {
    "null": "null",
    "boolean": "a boolean",
    "number": "a number",
    "string": "a string",
    "array": "an array",
    "object": "an object",
    "set": "a set",
}

_MAPS: Final = frozenset(("mapping", "labels", "variables", "options", "strings-by-key"))
_TEXT_LISTS: Final = frozenset(("strings", "texts"))
_OBJECTS: Final = frozenset(("struct", "struct?", "struct!", "map"))


def one(shape: Shape) -> Value:
    """Return the value that only `shape` can be."""
    return frozenset((shape,))


def only(value: Value) -> Shape:
    """Return the single shape of `value`."""
    (shape,) = tuple(value or ())
    return shape


def union(values: Iterable[Value]) -> Value:
    """Return the value that is any of `values`."""
    found: set[Shape] = set()
    for value in values:
        if value is None:
            return None
        found |= value
    return frozenset(found)


def kinds(value: Value) -> frozenset[Kind]:
    """Return the kinds that `value` can have; none when nothing is known."""
    return frozenset(shape.kind for shape in value or ())


def described(value: Value) -> str:
    """Return the kinds of `value` as messages say them: "a string or null"."""
    found = kinds(value)
    return " or ".join(noun for kind, noun in reversed(NOUNS.items()) if kind in found)


def from_json_schema(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> Value:
    """Return the value that `schema` describes. Every key of its objects must be required."""
    if "$ref" in schema:
        return from_json_schema(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in schema:
        return union(from_json_schema(part, definitions) for part in schema["anyOf"])
    if "enum" in schema:
        strings = [choice for choice in schema["enum"] if isinstance(choice, str)]
        rest = one(NULL) if None in schema["enum"] else NEVER
        return union([one(Shape("string", choices=strings)), rest])
    kind = schema.get("type")
    if kind == "object" and "properties" in schema:
        return one(
            Shape(
                "object",
                fields={
                    key: from_json_schema(part, definitions)
                    for key, part in schema["properties"].items()
                },
                each=NEVER,
                is_total=True,
                title=_title(schema.get("title", "")),
            )
        )
    below = schema.get("items" if kind == "array" else "additionalProperties")
    if kind in ("array", "object") and isinstance(below, Mapping):
        return one(Shape(kind, each=from_json_schema(below, definitions)))
    return one(SIMPLE[kind]) if kind in SIMPLE else None


def from_parameters(schemas: Mapping[str, Schema]) -> Value:
    """Return the parameters of a policy."""
    fields = {name: _parameter(schema) for name, schema in schemas.items()}
    return one(Shape("object", fields=fields, each=NEVER, is_total=True, title="parameter"))


def from_field(field: Field, title: str = "") -> Value:
    """Return the value of `field` in the effective model. Its keys may be absent."""
    model = field.model.rstrip("?!")
    if field.model in _OBJECTS:
        return one(object_of(field, title))
    if model in _MAPS:
        return one(SIMPLE["object"])
    if model in _TEXT_LISTS:
        return one(Shape("array", each=one(STRING)))
    if model == "command":
        return one(Shape("array", each=one(STRING)))
    if model == "list" and field.item is not None:
        return one(Shape("array", each=from_field(field.item, f"entry of {field.key}")))
    return {"str": one(STRING), "bool": one(BOOLEAN)}.get(model)


def object_of(field: Field, title: str) -> Shape:
    """Return the shape of a mapping with the keys that the table has below `field`."""
    fields = {
        child.json: from_field(child, child.key)
        for child in field.children.values()
        if not child.hidden
    }
    if field.each is not None:
        return Shape("object", fields=fields, each=from_field(field.each, _singular(field.key)))
    is_open = field.others == "open" or not fields
    return Shape("object", fields=fields, each=None if is_open else NEVER, title=title)


def _parameter(schema: Schema) -> Value:
    if schema.type == "array" and schema.items:
        return one(Shape("array", each=_parameter(schema.items)))
    if schema.type == "object" and schema.additional_properties:
        return one(Shape("object", each=_parameter(schema.additional_properties)))
    if schema.type == "string" and schema.enum:
        return one(Shape("string", choices=schema.enum))
    return one(SIMPLE[schema.type])


def _title(name: str) -> str:
    """Return the name of a type in words: "device request"."""
    return _TITLES.get(name, re.sub("(?<!^)(?=[A-Z])", " ", name).lower())


_TITLES: Final = {
    "PolicyInput": "input",
    "GrantDeclaration": "grant",
    "AskedConstraint": "constraint",
}


def _singular(key: str) -> str:
    return key.removesuffix("s")
