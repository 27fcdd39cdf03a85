"""Check expressions of Rego against the values that they can have.

In: the expressions and values that `inference.py` follows. Out: errors, each with its place and
with what to write instead. An error of an expression that another call makes valid is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from policyd.errors import PolicySetError
from policyd.policies.builtin_results import Built, result_of
from policyd.policies.builtins import SIGNATURES
from policyd.policies.input_shapes import instead_of
from policyd.policies.shapes import (
    NEVER,
    NOUNS,
    NUMBER,
    STRING,
    Shape,
    Value,
    described,
    kinds,
    one,
    union,
)
from policyd.policies.syntax_tree import Module, Tree, constant_path, literal, place, source
from policyd.suggestion import did_you_mean, nearest

Side = tuple[Tree, Value]

_FINDING_KEYS: Final = {
    "msg": "string",
    "service": "string",
    "path": "array",
    "constraint": "string",
    "remediation": "string",
}
_COLLECTIONS: Final = frozenset(("array", "object", "set"))
_VERB: Final = re.compile(r"%(.)", re.DOTALL)
_LISTED: Final = 40
"""Keys that a message lists at most."""


class ValueChecks:
    """The problems of expressions. A place that is valid in one call has no problem."""

    def __init__(self) -> None:
        self._bad: dict[tuple[str, int, str], PolicySetError] = {}
        self._good: set[tuple[str, int, str]] = set()

    def found(self, files: Iterable[str]) -> Iterator[PolicySetError]:
        """Yield the problems in `files`."""
        wanted = set(files)
        for key, problem in self._bad.items():
            if key[0] in wanted and key not in self._good:
                yield problem

    # --- references -----------------------------------------------------------------------------

    def member(self, module: Module, node: Tree, value: Value, key: str) -> Value:
        """Return the value of the key `key` of `value`. A key that no value has is a problem."""
        found = self.silent_member(value, key)
        if value:
            problem = ""
            if found is not None and not found:
                problem = _unknown_key(module, node, value, key)
            self._add(module, node, "key", problem)
        return found or None

    def silent_member(self, value: Value, key: str) -> Value:
        """Return the value of the key `key` of `value`, without a problem."""
        if not value:
            return None
        return union(shape.field(key) if shape.kind != "set" else shape.each for shape in value)

    def indexed(self, module: Module, node: Tree, value: Value, index: Tree) -> Value:
        """Return the value of `value[index]`, for an index that is not a constant string."""
        problem = ""
        if value and not kinds(value) & _COLLECTIONS:
            problem = f"{described(value)} has no items"
        elif "Number" in index and kinds(value) == {"object"}:
            problem = "an object has no item of that number; its keys are strings"
        self._add(module, node, "index", problem)
        return self.items(value)

    def items(self, value: Value) -> Value:
        """Return the value of the items of `value`; None when nothing is known about them."""
        return (union(shape.items() for shape in value) if value else None) or None

    def keys(self, value: Value) -> Value:
        """Return the value of the keys of `value`: numbers for an array, strings for an object."""
        found = {"array": one(NUMBER), "object": one(STRING)}
        return union(
            shape.each if shape.kind == "set" else found.get(shape.kind, NEVER)
            for shape in value or ()
        ) or None  # fmt: skip

    def collection(self, module: Module, node: Tree, value: Value) -> None:
        """Check the collection of `some … in` and `every`."""
        problem = ""
        if value and not kinds(value) & _COLLECTIONS:
            problem = f"{source(node, module)} is {described(value)}, not a collection"
        self._add(module, node, "in", problem)

    # --- statements -----------------------------------------------------------------------------

    def negation(self, module: Module, node: Tree, value: Value, is_present: bool) -> None:
        """Check `not value`: it never holds for a value that is always present and not false."""
        problem = ""
        if is_present and value and "boolean" not in kinds(value):
            problem = (
                f"`not {source(node, module)}` never holds: the key is always present, and only "
                f"false and undefined values negate; {_empty(source(node, module), value, '==')}"
            )
        self._add(module, node, "not", problem)

    def statement(self, module: Module, node: Tree, value: Value, is_present: bool) -> None:
        """Check a value that is an expression of its own."""
        problem = ""
        # `input.review` is a usual way to write a condition that always holds.
        is_below = constant_path(node)[0] != "input" or len(constant_path(node)) > 2
        if is_present and is_below and value and "boolean" not in kinds(value):
            problem = (
                f"{source(node, module)} always holds: the key is always present, and an empty "
                f"value counts as true; {_empty(source(node, module), value, '!=')}"
            )
        self._add(module, node, "statement", problem)

    # --- expressions ----------------------------------------------------------------------------

    def comparison(self, module: Module, op: str, left: Side, right: Side) -> None:
        """Check `left == right` and the other comparisons."""
        problem = ""
        if left[1] and right[1]:
            # `x != false` is the usual way to ask whether x is defined.
            asks = op == "Ne" and literal(left[0]) is None and literal(right[0]) is None
            if not kinds(left[1]) & kinds(right[1]) and not asks:
                problem = _never_equal(module, op, left, right)
            elif op in ("Eq", "Ne"):
                problem = _choice(module, left, right) or _choice(module, right, left)
        self._add(module, left[0], "compare", problem)

    def membership(self, module: Module, element: Side, collection: Side) -> None:
        """Check `element in collection`."""
        problem = ""
        (node, value), (whole, within) = element, collection
        if within and not kinds(within) & _COLLECTIONS:
            text = source(whole, module)
            problem = f"{text} is {described(within)}, not a collection"
            if kinds(within) == {"string"}:
                problem += f"; write contains({text}, {source(node, module)})"
        elif within:
            items = self.items(within)
            if items and value and not kinds(items) & kinds(value):
                problem = (
                    f"{source(node, module)} is {described(value)}, but the items of "
                    f"{source(whole, module)} are never {described(value)}{_below(items)}"
                )
            elif items:
                problem = _choice(module, element, (whole, items))
        self._add(module, node, "member", problem)

    def arithmetic(self, module: Module, op: str, sides: Sequence[Side]) -> Value:
        """Return the value of `left + right` and the like, which need numbers or sets."""
        allowed = {"number", "set"} if op == "Sub" else {"number"}
        for node, value in sides:
            problem = ""
            if value and not kinds(value) & allowed:
                problem = (
                    f"arithmetic needs numbers, but {source(node, module)} is {described(value)}"
                )
                if kinds(value) == {"string"}:
                    problem += '; join strings with sprintf("%s%s", [a, b]) or concat'
            self._add(module, node, "arithmetic", problem)
        values = [value for _, value in sides]
        return one(NUMBER) if op != "Sub" or any(kinds(v) == {"number"} for v in values) else None

    def builtin(
        self, module: Module, node: Tree, follow: Callable[[Tree], Value], built: Built
    ) -> Value:
        """Return the value of a call of a built-in function. `follow` follows an argument."""
        values = [follow(argument) for argument in node["params"]]
        name = ".".join(constant_path(node["fcn"]))
        signature = SIGNATURES.get(name)
        if signature is None:
            return None
        if len(values) != len(signature.arguments):
            self._add(module, node["fcn"], "arity", _arity(name, signature.arguments, values))
            return None
        for argument, value, allowed in zip(
            node["params"], values, signature.arguments, strict=True
        ):
            problem = ""
            if value and not kinds(value) & allowed:
                problem = _argument(module, name, node, argument, value, allowed)
            self._add(module, argument, "argument", problem)
        if name == "object.get":
            return self._object_get(module, node, values)
        if name == "sprintf":
            self._sprintf(module, node, follow)
        return result_of(name, signature.result, values, built)

    def finding(self, module: Module, node: Tree, value: Value) -> None:
        """Check a member of the set `violation` of a policy."""
        problem = ""
        if value:
            objects = [shape for shape in value if shape.kind == "object"]
            if not objects:
                problem = (
                    f"a violation must be an object, not {described(value)}; write "
                    '{"msg": …, "service": w.service, "path": …}'
                )
            elif len(objects) == 1 and objects[0].is_closed:
                problem = _finding(objects[0])
        self._add(module, node, "finding", problem)

    def _object_get(self, module: Module, node: Tree, values: list[Value]) -> Value:
        key, found = node["params"][1], values[0]
        keys = key["Array"]["items"] if "Array" in key else [key]
        for one_key in keys:
            name = literal(one_key)
            if name is None:
                found = self.items(found) if "Array" not in key else None
            else:
                found = self.member(module, one_key, found, name)
        return union([found, values[2]])

    def _sprintf(self, module: Module, node: Tree, follow: Callable[[Tree], Value]) -> None:
        text = literal(node["params"][0])
        listed = node["params"][1].get("Array")
        if text is None or listed is None:
            return
        verbs = [verb for verb in _VERB.findall(text) if verb != "%"]
        for verb, item in zip(verbs, listed["items"], strict=False):
            wanted = {"s": "string", "d": "number"}.get(verb)
            value = follow(item)
            problem = ""
            if wanted and value and wanted not in kinds(value):
                other = {"number": "%d", "string": "%s"}.get(min(kinds(value)))
                hint = f"; write {other}" if other else ""
                problem = f"%{verb} formats {NOUNS[wanted]}, but {source(item, module)} is " \
                          f"{described(value)}{hint}"  # fmt: skip
            self._add(module, item, "format", problem)

    def _add(self, module: Module, node: Tree, check: str, problem: str) -> None:
        (_, inner), *_ = node.items()
        key = (module.file, inner["eidx"], check)
        if problem:
            self._bad.setdefault(key, PolicySetError(problem, place(node, module.file)))
        else:
            self._good.add(key)


def _unknown_key(module: Module, node: Tree, value: frozenset[Shape], key: str) -> str:
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
    if title == "constraints":
        return f"unknown policy {key}{hint or _valid('policies', known)}"
    return f"unknown {title or 'object'} key {key}{hint or _valid('keys', known)}"


def _valid(what: str, known: list[str]) -> str:
    more = ", …" if len(known) > _LISTED else ""
    return f"; valid {what} are {', '.join(known[:_LISTED])}{more}" if known else ""


def _empty(text: str, value: Value, op: str) -> str:
    """Return what to write to ask whether a value is empty."""
    found = kinds(value)
    if "null" in found:
        return f"write {text} {op} null"
    if found == {"string"}:
        return f'write {text} {op} ""'
    if found == {"number"}:
        return f"write {text} {op} 0"
    return f"write count({text}) {'==' if op == '==' else '>'} 0"


def _never_equal(module: Module, op: str, left: Side, right: Side) -> str:
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
            hint = f"; {_empty(source(node, module), value, '==')}"
        elif text is not None and "object" in kinds(value):
            hint = _below(value)
    return f"this comparison {result}: {sides[0]}, {sides[1]}{hint}"


def _below(value: Value) -> str:
    """Return what an object has below it, for a message."""
    keys = sorted({name for shape in value or () for name in shape.fields})
    return f"; compare one of its keys: {', '.join(keys[:_LISTED])}" if keys else ""


def _choice(module: Module, said: Side, other: Side) -> str:
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


def _arity(name: str, arguments: Sequence[Any], values: Sequence[Any]) -> str:
    count = len(arguments)
    takes = f"{name} takes {count} argument{'s' if count != 1 else ''}"
    if len(values) == count + 1:
        return f"{takes}; write `x := {name}(…)` for its result"
    return f"{takes}, not {len(values)}"


def _argument(
    module: Module, name: str, call: Tree, argument: Tree, value: Value, allowed: frozenset[str]
) -> str:
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
    return message + (_below(value) if "object" in kinds(value) else "")


def _finding(shape: Shape) -> str:
    if "msg" not in shape.fields:
        near = nearest("msg", shape.fields) or next(
            (key for key in ("message", "reason", "error") if key in shape.fields), ""
        )
        hint = f"; write msg instead of {near}" if near else '; write {"msg": …}'
        return f"a violation must have the key msg{hint}"
    for key, value in shape.fields.items():
        wanted = _FINDING_KEYS.get(key)
        if wanted is None:
            near = nearest(key, _FINDING_KEYS)
            if near and near not in shape.fields:
                return f"unknown key {key} of a violation; did you mean {near}?"
        elif value and wanted not in kinds(value):
            hint = ', such as ["services", w.service, "image"]' if key == "path" else ""
            hint = "; write c.name" if key == "constraint" else hint
            return f"{key} of a violation must be {NOUNS[wanted]}{hint}, not {described(value)}"
    return ""
