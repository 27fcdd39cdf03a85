"""Follow values through Rego: from the input through variables, functions and comprehensions.

In: the syntax trees of a policy set, and the value of `input`. Out: the values of rules. On the
way, each expression is checked (`value_checks.py`). What is unknown stays unknown: a value is only
reported when no value that it can have fits. A function is followed with the values of each of its
calls, and a problem in it is reported only if all calls have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from policyd.errors import PolicySetError
from policyd.policies.expressions import Body, Scope
from policyd.policies.shapes import BOOLEAN, NEVER, Shape, Value, one, union
from policyd.policies.syntax_tree import (
    Module,
    Tree,
    constant_path,
    head_of,
)
from policyd.policies.value_checks import ValueChecks

_MAX_DEPTH: Final = 20
"""Rules and functions that refer to each other; deeper values are unknown."""

_MAX_NESTING: Final = 6
"""Levels of arrays and objects that Rego builds; deeper values are unknown."""


class Inference:
    """The values of the rules and functions of a policy set. `input_of` returns that of input.

    `data` is the document data, without the rules.
    """

    def __init__(
        self,
        modules: Iterable[Module],
        input_of: Callable[[Module], Value],
        data: Mapping[str, Any],
    ) -> None:
        self.checks = ValueChecks()
        self.input_of = input_of
        self.steps = 0
        self._data = data
        self.depth = 0
        self._rules: dict[str, list[tuple[Module, Tree]]] = {}
        self._memo: dict[tuple[str, tuple[Value, ...]], Value] = {}
        self._called: set[str] = set()
        self._built: dict[Any, tuple[Shape, int]] = {}
        self._total: dict[str, bool] = {}
        self._nesting: dict[Shape, int] = {}
        for module in modules:
            for rule in module.tree["rules"]:
                name = f"{module.package}.{constant_path(head_of(rule))[0]}"
                self._rules.setdefault(name, []).append((module, rule))

    def problems(self, own: Iterable[Module]) -> Iterator[PolicySetError]:
        """Yield the problems in the modules `own`."""
        modules = list(own)
        names = {
            f"{module.package}.{name}": name in module.functions
            for module in modules
            for name in (*module.rules, *module.functions)
        }
        for name, is_function in names.items():
            if not is_function:
                self.value_of(name)
        for name in names.keys() - self._called:
            if names[name]:
                self.value_of(name, None)
        for module in modules:
            self._imports(module)
        yield from self.checks.found({module.file for module in modules})

    def has(self, name: str) -> bool:
        """Return whether `name`, a full path, is a rule or a function."""
        return name in self._rules

    def value_of(self, name: str, arguments: tuple[Value, ...] | None = ()) -> Value:
        """Return the value of the rule or function `name`; None for unknown arguments."""
        self._called.add(name)
        key = (name, arguments if arguments is not None else (None,))
        if key not in self._memo:
            self._memo[key] = None  # the value of a rule that depends on itself is unknown
            if self.depth < _MAX_DEPTH:
                self.depth += 1
                self._memo[key] = union(
                    [
                        Definition(self, module, rule).value(arguments)
                        for module, rule in self._rules[name]
                    ]
                )
                self.depth -= 1
        return self._memo[key]

    def built(self, kind: Any, each: Value, fields: Mapping[str, Value] | None = None) -> Value:
        """Return the value of an array, a set or an object that Rego builds."""
        key = (kind, each, tuple(sorted((fields or {}).items(), key=lambda item: item[0])))
        if key not in self._built:
            below = union([*(fields or {}).values(), each]) or NEVER
            nesting = 1 + max((self._nesting.get(shape, 0) for shape in below), default=0)
            shape = Shape(kind, each=each, fields=fields, is_total=fields is not None)
            self._nesting[shape] = nesting
            self._built[key] = shape, nesting
        shape, nesting = self._built[key]
        return one(shape) if nesting <= _MAX_NESTING else None

    def is_total(self, path: list[str]) -> bool:
        """Return whether the rule, the function or the data at `path` is always defined."""
        name = ".".join(path)
        if name in self._rules:
            if name not in self._total:
                self._total[name] = False  # of a rule that needs itself, nothing is known
                self._total[name] = any(self._is_total(*found) for found in self._rules[name])
            return self._total[name]
        value: Any = self._data
        for key in path[1:]:
            if not isinstance(value, dict) or key not in value:
                return False
            value = value[key]
        return path[0] == "data"

    def _is_total(self, module: Module, rule: Tree) -> bool:
        """Return whether a definition makes its rule defined for any input and any arguments."""
        (kind, body), *_ = rule.items()
        if kind == "Default":
            return True
        (head_kind, head), *_ = body["head"].items()
        if head_kind == "Set" or "Var" not in head["refr"]:
            return True
        arguments = head.get("args", [])
        if body["bodies"] or not all("Var" in one for one in arguments):
            return False
        scope: Scope = {one["Var"]["value"]: None for one in arguments}
        assigned = head["assign"]
        return assigned is None or Body(self, module).is_defined(assigned["value"], scope)

    def _imports(self, module: Module) -> None:
        for item in module.tree["imports"]:
            if constant_path(item["refr"])[0] == "input":
                Body(self, module).value(item["refr"], {})


class Definition:
    """One definition of a rule or a function."""

    def __init__(self, inference: Inference, module: Module, rule: Tree) -> None:
        (self._kind, self._tree), *_ = rule.items()
        self._name = constant_path(head_of(rule))[0]
        self._body = Body(inference, module)
        self._inference = inference
        self._module = module

    def value(self, arguments: tuple[Value, ...] | None) -> Value:
        """Return the value of this definition, for a function with the values `arguments`."""
        if self._kind == "Default":
            return self._body.value(self._tree["value"], {})
        (kind, head), *_ = self._tree["head"].items()
        scope: Scope = {}
        for number, pattern in enumerate(head.get("args", [])):
            known = arguments is not None and number < len(arguments)
            self._body.bind(pattern, arguments[number] if arguments and known else None, scope)
        values = [self._of_body(kind, head, body, dict(scope)) for body in self._bodies()]
        result = union(values)
        if "Var" in head["refr"]:
            return self._inference.built("set", result) if kind == "Set" else result
        below = next(iter(head["refr"].values()))["refr"]
        if "Var" in below and kind == "Compr":
            return self._inference.built("object", result)
        return None

    def _bodies(self) -> list[Tree]:
        return self._tree["bodies"] or [{"assign": None, "is_else": False, "query": {"stmts": []}}]

    def _of_body(self, kind: str, head: Tree, body: Tree, scope: Scope) -> Value:
        self._body.query(body["query"], scope)
        for index in _indexes(head["refr"]):
            self._body.value(index, scope)
        if kind == "Set":
            value = self._body.value(head["key"], scope)
            if self._name == "violation" and not self._module.is_plain:
                self._inference.checks.finding(self._module, head["key"], value)
            return value
        assign = body["assign"] if body["is_else"] else head["assign"]
        return self._body.value(assign["value"], scope) if assign else one(BOOLEAN)


def _indexes(reference: Tree) -> Iterator[Tree]:
    while reference.keys() & {"RefDot", "RefBrack"}:
        (_, inner), *_ = reference.items()
        if "index" in inner:
            yield inner["index"]
        reference = inner["refr"]
