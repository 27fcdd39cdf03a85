"""What the built-in functions of Rego return, as far as the lint follows it.

In: the values of the arguments. Out: the value of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from policyd.policies.shapes import NOUNS, NUMBER, SIMPLE, STRING, Shape, Value, kinds, one, union

Built = Callable[[Any, Value, Any], Value]
"""Returns the value of an array, a set or an object: its kind, its items and its fields."""


def result_of(name: str, result: str, values: list[Value], built: Built) -> Value:
    """Return the value of the function `name`. `result` is its kind, `built` makes collections."""
    if name == "object.union":
        return _merged(values, built)
    if name in ("sort", "array.concat", "array.reverse", "array.slice"):
        lists = values[:2] if name == "array.concat" else values[:1]
        return built("array", _all_items(lists), None)
    if name in ("max", "min"):
        return _all_items(values[:1])
    if name in ("union", "intersection"):
        return built("set", _all_items([_all_items(values)]), None)
    if name in ("split", "regex.split", "regex.find_n"):
        return built("array", one(STRING), None)
    if name == "object.keys":
        return built("set", one(STRING), None)
    if name == "numbers.range":
        return built("array", one(NUMBER), None)
    if name == "type_name":
        return one(_TYPE_NAME)
    return one(SIMPLE[result]) if result in ("string", "number", "boolean") else None


_TYPE_NAME: Final = Shape("string", choices=NOUNS)


def _all_items(values: Sequence[Value]) -> Value:
    if not all(values):
        return None
    return union(shape.items() for value in values for shape in value or ()) or None


def _merged(values: list[Value], built: Built) -> Value:
    """Return the value of object.union: keys of the second object replace those of the first."""
    pair = [next(iter(value)) for value in values if value and len(value) == 1]
    if len(pair) != 2 or any(shape.kind != "object" for shape in pair):
        return None
    first, second = pair
    fields = {**first.fields, **second.fields}
    for key in first.fields.keys() & second.fields.keys():
        if "object" in kinds(first.fields[key]) or first.fields[key] is None:
            fields[key] = None
    return built("object", union([first.each, second.each]), fields)
