"""The messages of `value_checks.py`: what is wrong with an expression, and what to write."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from policyd.policies.input_shapes import instead_of
from policyd.policies.shapes import NEVER, NOUNS, Shape, Value, described, kinds
from policyd.policies.syntax_tree import Module, Tree, literal, source
from policyd.suggestion import did_you_mean, nearest

Side = tuple[Tree, Value]
"""An expression and its value."""

_FINDING_KEYS: Final = {
    "msg": "string",
    "service": "string",
    "path": "array",
    "constraint": "string",
    "remediation": "string",
}
_LISTED: Final = 40
"""Keys that a message lists at most."""


def unknown_key(module: Module, node: Tree, value: frozenset[Shape], key: str) -> str:
    """Return that no value has `key`, with the key that was probably meant."""
    objects = [shape for shape in value if shape.kind == "object"]
    if not objects:
        (_, inner), *_ = node.items()
        text = source(inner["refr"], module) if "refr" in inner else "the value"
        hint = f"; write `some x in {text}`" if kinds(value) & {"array"} else ""
        return f"{text} is {described(value)}, which has no key {key}{hint}"
    titles = {shape.title for shape in objects}
    title = titles.pop() if len(titles) == 1 else ""
    known = sorted({name for shape in objects for name in shape.fields})
    instead = instead_of(title, key)
    if title == "input" and key == "services" and not module.is_plain:
        instead = instead_of("input", "services")
    hint = f"; {instead}" if instead else did_you_mean(key, known)
    if title == "constraints" and len(known) == 1:
        return f'the policy has no constraints of {key}; write input.constraints["{known[0]}"]'
    if title == "constraints":
        return f"unknown policy {key}{hint or _valid('policies', known)}"
    return f"unknown {title or 'object'} key {key}{hint or _valid('keys', known)}"


def _valid(what: str, known: list[str]) -> str:
    more = ", …" if len(known) > _LISTED else ""
    return f"; valid {what} are {', '.join(known[:_LISTED])}{more}" if known else ""


def empty(text: str, value: Value, op: str) -> str:
    """Return what to write to ask whether a value is empty."""
    found = kinds(value)
    if "null" in found:
        return f"write {text} {op} null"
    if found == {"string"}:
        return f'write {text} {op} ""'
    if found == {"number"}:
        return f"write {text} {op} 0"
    return f"write count({text}) {'==' if op == '==' else '>'} 0"


def never_equal(module: Module, op: str, left: Side, right: Side) -> str:
    """Return that `left` and `right` have different types."""
    sides = [f"{source(node, module)} is {described(value)}" for node, value in (left, right)]
    result = "always holds" if op == "Ne" else "never holds"
    if op not in ("Eq", "Ne"):
        result = "compares different types"
    hint = ""
    for (node, value), (other, _) in ((left, right), (right, left)):
        text = literal(other)
        is_quoted = (kinds(value) == {"boolean"} and text in ("true", "false")) or (
            kinds(value) == {"number"} and text is not None and text.isdigit()
        )
        if is_quoted:
            hint = f"; write {text} without quotes"
        elif "Null" in other:
            hint = f"; {empty(source(node, module), value, '==')}"
        elif text is not None and "object" in kinds(value):
            hint = below(value)
    return f"this comparison {result}: {sides[0]}, {sides[1]}{hint}"


def below(value: Value) -> str:
    """Return what an object has below it, for a message."""
    keys = sorted({name for shape in value or () for name in shape.fields})
    return f"; compare one of its keys: {', '.join(keys[:_LISTED])}" if keys else ""


def choice(module: Module, said: Side, other: Side) -> str:
    """Return the problem of a literal that is none of the choices of the other side."""
    text = literal(said[0])
    shapes = other[1] or NEVER
    strings = [shape for shape in shapes if shape.kind == "string"]
    if text is None or not strings or not all(shape.choices for shape in strings):
        return ""
    choices = sorted(set().union(*(shape.choices for shape in strings)))
    if text in choices:
        return ""
    near = nearest(text.lower(), [choice.lower() for choice in choices])
    match = next((choice for choice in choices if near and choice.lower() == near), "")
    hint = f"; did you mean {match}?" if match else ""
    return f'{source(other[0], module)} is never "{text}"; it is one of {", ".join(choices)}{hint}'


def arity(name: str, arguments: Sequence[Any], values: Sequence[Any]) -> str:
    """Return that a function takes another number of arguments."""
    count = len(arguments)
    takes = f"{name} takes {count} argument{'s' if count != 1 else ''}"
    if len(values) == count + 1:
        return f"{takes}; write `x := {name}(…)` for its result"
    return f"{takes}, not {len(values)}"


def argument_kind(
    module: Module, name: str, call: Tree, argument: Tree, value: Value, allowed: frozenset[str]
) -> str:
    """Return that an argument of a function has a wrong type."""
    wanted = " or ".join(noun for kind, noun in reversed(NOUNS.items()) if kind in allowed)
    text = source(argument, module)
    message = f"{name} needs {wanted}, but {text} is {described(value)}"
    if name in ("contains", "startswith", "endswith", "regex.match") and kinds(value) <= {
        "array",
        "set",
    }:
        other = source(call["params"][1], module)
        if name == "contains":
            return f"{message}; write {other} in {text}"
        return f"{message}; write `some item in {text}` and use the item"
    return message + (below(value) if "object" in kinds(value) else "")


def malformed(shape: Shape) -> str:
    """Return what is wrong with an object in the set `violation`, or an empty string."""
    if "msg" not in shape.fields:
        near = nearest("msg", shape.fields) or next(
            (key for key in ("message", "reason", "error") if key in shape.fields), ""
        )
        hint = f"; write msg instead of {near}" if near else '; write {"msg": …}'
        return f"a violation must have the key msg{hint}"
    for key, value in shape.fields.items():
        wanted = _FINDING_KEYS.get(key)
        if wanted is None:
            near = nearest(key, [one for one in _FINDING_KEYS if one not in shape.fields])
            hint = f"did you mean {near}?" if near else f"valid keys are {', '.join(_FINDING_KEYS)}"
            if key in ("severity", "id", "title", "description", "references", "policy"):
                hint = "METADATA has it"
            return f"unknown key {key} of a violation; {hint}"
        elif value and wanted not in kinds(value):
            hint = ', such as ["services", w.service, "image"]' if key == "path" else ""
            hint = "; write c.name" if key == "constraint" else hint
            return f"{key} of a violation must be {NOUNS[wanted]}{hint}, not {described(value)}"
    return ""
