"""Check expressions of Rego against the values that they can have.

In: the expressions and values that `inference.py` follows. Out: errors, each with its place and
with what to write instead. An error of an expression that another call makes valid is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from policyd.errors import PolicySetError
from policyd.policies.builtin_results import Built, result_of
from policyd.policies.builtins import SIGNATURES
from policyd.policies.selector_checks import unknown_path
from policyd.policies.shapes import (
    NEVER,
    NOUNS,
    NUMBER,
    STRING,
    Value,
    described,
    kinds,
    one,
    union,
)
from policyd.policies.syntax_tree import Module, Tree, constant_path, literal, place, source
from policyd.policies.value_messages import (
    Side,
    argument_kind,
    arity,
    below,
    choice,
    empty,
    malformed,
    never_equal,
    unknown_key,
)

_COLLECTIONS: Final = frozenset(("array", "object", "set"))
_COMPREHENSIONS: Final = frozenset(("ArrayCompr", "SetCompr", "ObjectCompr"))
_VERB: Final = re.compile(r"%(.)", re.DOTALL)


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

    def member(
        self, module: Module, node: Tree, value: Value, key: str, only_known: bool = False
    ) -> Value:
        """Return the value of the key `key` of `value`. A key that no value has is a problem.

        With `only_known`, that is a problem of objects of the input only.
        """
        found = self.silent_member(value, key)
        if value:
            problem = ""
            is_input = all(shape.title for shape in value if shape.kind == "object")
            is_input = is_input and kinds(value) <= {"object", "null"}
            if found is not None and not found and (is_input or not only_known):
                problem = unknown_key(module, node, value, key)
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
        elif "Number" in index and value and all(s.kind == "object" and s.title for s in value):
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
        text = source(node, module)
        if node.keys() & _COMPREHENSIONS:
            problem = (
                f"`not {text}` never holds: an empty collection counts as true, too; write "
                f"count({text}) == 0"
            )
        elif is_present and value and "boolean" not in kinds(value):
            problem = (
                f"`not {text}` never holds: the key is always present, and only "
                f"false and undefined values negate; {empty(text, value, '==')}"
            )
        self._add(module, node, "not", problem)

    def undefined_operand(self, module: Module, node: Tree) -> None:
        """Report an operand of `not` that can be undefined."""
        text = source(node, module)
        self._add(
            module,
            node,
            "operand",
            f"the engines evaluate `not` differently if {text} is undefined; write "
            f"`value := {text}` before, and use value after `not`",
        )

    def statement(self, module: Module, node: Tree, value: Value, is_present: bool) -> None:
        """Check a value that is an expression of its own."""
        problem = ""
        if node.keys() & _COMPREHENSIONS:
            text = source(node, module)
            problem = (
                f"{text} always holds: an empty collection counts as true, too; write "
                f"count({text}) > 0"
            )
        # `input.review` is a usual way to write a condition that always holds.
        is_below = constant_path(node)[0] != "input" or len(constant_path(node)) > 2
        if is_present and is_below and value and "boolean" not in kinds(value):
            problem = (
                f"{source(node, module)} always holds: the key is always present, and an empty "
                f"value counts as true; {empty(source(node, module), value, '!=')}"
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
                problem = never_equal(module, op, left, right)
            elif op in ("Eq", "Ne"):
                problem = choice(module, left, right) or choice(module, right, left)
        self._add(module, left[0], "compare", problem)

    def membership(self, module: Module, element: Side, collection: Side, has_key: bool) -> None:
        """Check `element in collection`."""
        problem = ""
        (node, value), (whole, within) = element, collection
        if has_key and not (within and kinds(within) <= {"array", "object"}):
            problem = "one engine evaluates `key, value in collection` for a set as false; write " \
                      "`collection[key] == value`"  # fmt: skip
        elif within and not kinds(within) & _COLLECTIONS:
            text = source(whole, module)
            problem = f"{text} is {described(within)}, not a collection"
            if kinds(within) == {"string"}:
                problem += f"; write contains({text}, {source(node, module)})"
        elif within:
            items = self.items(within)
            if items and value and not kinds(items) & kinds(value):
                problem = (
                    f"{source(node, module)} is {described(value)}, but the items of "
                    f"{source(whole, module)} are never {described(value)}{below(items)}"
                )
            elif items:
                problem = choice(module, element, (whole, items))
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

    def set_operation(self, module: Module, sides: Sequence[Side]) -> None:
        """Check `left | right` and `left & right`, which need sets."""
        for node, value in sides:
            problem = ""
            if value and "set" not in kinds(value):
                problem = (
                    f"| and & need sets, but {source(node, module)} is {described(value)}; write "
                    "each condition on a line of its own, and one rule for each alternative"
                )
            self._add(module, node, "set operation", problem)

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
            self._add(module, node["fcn"], "arity", arity(name, signature.arguments, values))
            return None
        for argument, value, allowed in zip(
            node["params"], values, signature.arguments, strict=True
        ):
            problem = ""
            if value and not kinds(value) & allowed:
                problem = argument_kind(module, name, node, argument, value, allowed)
            self._add(module, argument, "argument", problem)
        if name == "sort":
            self._sort(module, node, values[0])
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
                problem = malformed(objects[0])
        self._add(module, node, "finding", problem)
        for _, key, item in node["Object"]["fields"] if "Object" in node else ():
            if literal(key) == "path" and "Array" in item:
                steps = [literal(step) or "*" for step in item["Array"]["items"]]
                self._add(module, item, "path", unknown_path(steps))

    def _object_get(self, module: Module, node: Tree, values: list[Value]) -> Value:
        key, found = node["params"][1], values[0]
        keys = key["Array"]["items"] if "Array" in key else [key]
        for one_key in keys:
            name = literal(one_key)
            if name is None:
                found = self.items(found) if "Array" not in key else None
            else:
                found = self.member(module, one_key, found, name, only_known=True)
        return union([found, values[2]])

    def _sort(self, module: Module, node: Tree, value: Value) -> None:
        problem = ""
        if len(kinds(self.items(value))) > 1:
            problem = (
                "the engines sort values of different types differently; sort values of one type"
            )
        self._add(module, node["fcn"], "sort", problem)

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
