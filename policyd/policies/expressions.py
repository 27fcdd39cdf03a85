"""Follow values through the statements and expressions of a rule.

In: the syntax tree of a query or an expression, and a scope: the values of its variables. Out: its
value. Each expression is checked on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

from policyd.policies.builtins import SIGNATURES
from policyd.policies.shapes import BOOLEAN, NULL, NUMBER, STRING, Value, one, union
from policyd.policies.statement_order import ordered
from policyd.policies.syntax_tree import (
    Module,
    Tree,
    constant_path,
    literal,
    operands,
    reference_length,
    step_key,
    token,
)

if TYPE_CHECKING:
    from policyd.policies.inference import Inference

Scope = dict[str, Value]

MAX_STEPS: Final = 300_000
"""Expressions that are followed; after these, all values are unknown. Our packs have 20,000."""


class Body:
    """Expressions and queries of one module."""

    def __init__(self, inference: Inference, module: Module) -> None:
        self._inference = inference
        self._module = module
        self._checks = inference.checks

    def query(self, query: Tree, scope: Scope) -> None:
        """Follow the statements of `query`, and add its variables to `scope`."""
        for statement in ordered(query["stmts"]):
            (kind, node), *_ = statement["literal"].items()
            for modifier in statement.get("with_mods", []):
                self.value(modifier["as"], scope)
            if kind == "SomeVars":
                scope.update(dict.fromkeys((self._token(one) for one in node["vars"]), None))
            elif kind == "SomeIn":
                self._some_in(node, scope)
            elif kind == "Every":
                self._every(node, scope)
            elif kind == "NotExpr":
                inner = dict(scope)
                self._presence(self._checks.negation, node["expr"], inner)
                self._negated(node["expr"], inner)
            elif not self._call_with_output(node["expr"], scope):
                self._presence(self._checks.statement, node["expr"], scope)

    def bind(self, pattern: Tree, value: Value, scope: Scope) -> None:
        """Add the variables of `pattern` to `scope`, with their values in `value`."""
        (kind, node), *_ = pattern.items()
        if kind == "Var":
            if node["value"] != "_":
                scope[node["value"]] = value
        elif kind == "Array":
            below = self._checks.items(value)
            for item in node["items"]:
                self.bind(item, below, scope)
        elif kind == "Object":
            for _, key, item in node["fields"]:
                name = literal(key)
                found = (
                    self._checks.items(value)
                    if name is None
                    else self._checks.member(self._module, key, value, name, only_known=True)
                )
                self.bind(item, found, scope)
        else:
            self.value(pattern, scope)

    def value(self, expression: Tree, scope: Scope) -> Value:
        """Return the value of `expression`. Unknown variables in it are added to `scope`."""
        self._inference.steps += 1
        if self._inference.steps > MAX_STEPS:
            return None
        (kind, node), *_ = expression.items()
        if kind in ("Var", "RefDot", "RefBrack"):
            return self._reference(expression, scope)
        method = _METHODS.get(kind)
        return method(self, node, scope) if method else _CONSTANTS.get(kind)

    # --- references -----------------------------------------------------------------------------

    def _reference(self, expression: Tree, scope: Scope) -> Value:
        steps = []
        node = expression
        while node.keys() & {"RefDot", "RefBrack"}:
            (_, inner), *_ = node.items()
            steps.append((node, inner))
            node = inner["refr"]
        steps.reverse()
        value, taken = self._root(node, steps, scope)
        for whole, inner in steps[taken:]:
            name = step_key(inner)
            if name is not None:
                value = self._checks.member(self._module, whole, value, name)
            else:
                self._index(inner["index"], scope)
                value = self._checks.indexed(self._module, whole, value, inner["index"])
        return value

    def _root(self, node: Tree, steps: list[Any], scope: Scope) -> tuple[Value, int]:
        """Return the value of the first name of a reference, and how many steps it includes."""
        if "Var" not in node:
            return self.value(node, scope), 0
        name = node["Var"]["value"]
        if name in scope:
            return scope[name], 0
        imported = self._module.imports.get(name)
        if imported is None and self._inference.has(f"{self._module.package}.{name}"):
            return self._rule(f"{self._module.package}.{name}"), 0
        path = (imported or name).split(".")
        if path[0] == "input":
            value = self._inference.input_of(self._module)
            for key in path[1:]:
                value = self._checks.silent_member(value, key)
            return value, 0
        if path[0] != "data":
            scope.setdefault(name, None)
            return None, 0
        return self._document(path, steps)

    def _document(self, path: list[str], steps: list[Any]) -> tuple[Value, int]:
        if self._inference.has(".".join(path)):
            return self._rule(".".join(path)), 0
        for taken, (_, inner) in enumerate(steps, 1):
            name = step_key(inner)
            if name is None:
                break
            path = [*path, name]
            if self._inference.has(".".join(path)):
                return self._rule(".".join(path)), taken
        return None, 0

    def _rule(self, name: str) -> Value:
        return self._inference.value_of(name)

    def _index(self, index: Tree, scope: Scope) -> None:
        if "Var" in index and index["Var"]["value"] not in scope:
            self._root(index, [], scope)
        else:
            self.value(index, scope)

    def _presence(self, check: Callable[..., None], expression: Tree, scope: Scope) -> None:
        value = self.value(expression, scope)
        check(self._module, expression, value, self._is_present(expression, scope))

    def _is_present(self, expression: Tree, scope: Scope) -> bool:
        """Return whether a reference is always defined, whatever the project."""
        (kind, node), *_ = expression.items()
        if kind != "RefDot" and not (kind == "RefBrack" and step_key(node) is not None):
            return False
        base = node["refr"]
        value = self.value(base, dict(scope))
        name = step_key(node) or ""
        if not value or not all(
            shape.title and shape.is_total and name in shape.fields for shape in value
        ):
            return False
        (below, inner), *_ = base.items()
        return (below == "Var" and (inner["value"] in scope or inner["value"] == "input")) or (
            self._is_present(base, scope)
        )

    # --- negation -------------------------------------------------------------------------------

    def _negated(self, expression: Tree, scope: Scope) -> None:
        """Check the operands of `not`: OPA evaluates them first, outside of the negation."""
        (kind, node), *_ = expression.items()
        if kind in ("Var", "RefDot", "RefBrack"):
            return
        is_equality = node.get("op") == "Eq"
        for operand in operands(kind, node):
            if is_equality and operand.keys() & {"Var", "RefDot", "RefBrack"}:
                continue
            for found in self._undefined(operand, scope):
                self._checks.undefined_operand(self._module, found)

    def is_defined(self, expression: Tree, scope: Scope) -> bool:
        """Return whether `expression` has a value whatever the input is."""
        return next(self._undefined(expression, scope), None) is None

    def _undefined(self, expression: Tree, scope: Scope) -> Iterator[Tree]:
        """Yield the parts of `expression` that can be undefined."""
        (kind, node), *_ = expression.items()
        if kind in ("Var", "RefDot", "RefBrack"):
            if not self._is_defined(expression, scope):
                yield expression
            return
        if kind == "Call" and (path := self._function(node)) and not self._inference.is_total(path):
            yield expression
        for operand in operands(kind, node):
            yield from self._undefined(operand, scope)

    def _is_defined(self, expression: Tree, scope: Scope) -> bool:
        path = constant_path(expression)
        if path[0] in scope or path[0] == "input":
            return "Var" in expression or self._is_present(expression, scope)
        root = self._module.imports.get(path[0])
        if root is None and path[0] != "data":
            root = f"{self._module.package}.{path[0]}"
        absolute = [*(root or "data").split("."), *path[1:]]
        if absolute[0] == "input":
            return self._is_present(expression, scope)
        return len(path) == reference_length(expression) and self._inference.is_total(absolute)

    def _function(self, call: Tree) -> list[str]:
        """Return the path of the function of the user that `call` calls; [] for a built-in one."""
        path = constant_path(call["fcn"])
        absolute = ".".join([self._module.imports.get(path[0], path[0]), *path[1:]])
        for name in (absolute, f"{self._module.package}.{absolute}"):
            if self._inference.has(name):
                return name.split(".")
        return []

    # --- statements -----------------------------------------------------------------------------

    def _some_in(self, node: Tree, scope: Scope) -> None:
        value = self.value(node["collection"], scope)
        self._checks.collection(self._module, node["collection"], value)
        if node["key"]:
            self.bind(node["key"], self._checks.keys(value), scope)
        self.bind(node["value"], self._checks.items(value), scope)

    def _every(self, node: Tree, scope: Scope) -> None:
        value = self.value(node["domain"], scope)
        self._checks.collection(self._module, node["domain"], value)
        inner = dict(scope)
        if node["key"]:
            inner[self._token(node["key"])] = self._checks.keys(value)
        inner[self._token(node["value"])] = self._checks.items(value)
        self.query(node["query"], inner)

    def _token(self, span: Tree) -> str:
        return token(span, self._module.text)

    # --- expressions ----------------------------------------------------------------------------

    def _assign(self, node: Tree, scope: Scope) -> Value:
        left, right = node["lhs"], node["rhs"]
        if node["op"] == "ColEq" or self._is_free(left, scope):
            self.bind(left, self.value(right, scope), scope)
        elif self._is_free(right, scope):
            self.bind(right, self.value(left, scope), scope)
        else:
            self._compare("Eq", left, right, scope)
        return one(BOOLEAN)

    def _is_free(self, pattern: Tree, scope: Scope) -> bool:
        """Return whether `pattern` has a variable without a value."""
        (kind, node), *_ = pattern.items()
        if kind == "Var":
            name = node["value"]
            return name not in scope and not (
                name in ("input", "data", *self._module.imports)
                or self._inference.has(f"{self._module.package}.{name}")
            )
        if kind == "Array":
            return any(self._is_free(item, scope) for item in node["items"])
        if kind == "Object":
            return any(self._is_free(item, scope) for _, _, item in node["fields"])
        return False

    def _comparison(self, node: Tree, scope: Scope) -> Value:
        self._compare(node["op"], node["lhs"], node["rhs"], scope)
        return one(BOOLEAN)

    def _compare(self, op: str, left: Tree, right: Tree, scope: Scope) -> None:
        self._checks.comparison(
            self._module, op, (left, self.value(left, scope)), (right, self.value(right, scope))
        )

    def _call_with_output(self, expression: Tree, scope: Scope) -> bool:
        """Follow `count(xs, n)`, which means `n = count(xs)`; return whether it has this form."""
        node = expression.get("Call", {})
        path = ".".join(constant_path(node["fcn"])) if node else ""
        arguments = SIGNATURES[path].arguments if path in SIGNATURES else None
        if arguments is None or len(node["params"]) != len(arguments) + 1:
            return False
        *inputs, output = node["params"]
        call = {"Call": {**node, "params": inputs}}
        self._assign({"op": "Eq", "lhs": output, "rhs": call}, scope)
        return True

    def _membership(self, node: Tree, scope: Scope) -> Value:
        value = self.value(node["value"], scope)
        collection = self.value(node["collection"], scope)
        if node["key"]:
            self.value(node["key"], scope)
        self._checks.membership(
            self._module,
            (node["value"], value),
            (node["collection"], collection),
            bool(node["key"]),
        )
        return one(BOOLEAN)

    def _call(self, node: Tree, scope: Scope) -> Value:
        path = self._function(node)
        if path:
            arguments = [self.value(argument, scope) for argument in node["params"]]
            return self._inference.value_of(".".join(path), tuple(arguments))
        return self._checks.builtin(
            self._module,
            node,
            lambda expression: self.value(expression, scope),
            self._inference.built,
        )

    def _arithmetic(self, node: Tree, scope: Scope) -> Value:
        sides = [(side, self.value(side, scope)) for side in (node["lhs"], node["rhs"])]
        return self._checks.arithmetic(self._module, node["op"], sides)

    def _sets(self, node: Tree, scope: Scope) -> Value:
        sides = [(side, self.value(side, scope)) for side in (node["lhs"], node["rhs"])]
        self._checks.set_operation(self._module, sides)
        return union([value for _, value in sides])

    def _negative(self, node: Tree, scope: Scope) -> Value:
        self.value(node["expr"], scope)
        return one(NUMBER)

    def _array(self, node: Tree, scope: Scope) -> Value:
        values = [self.value(item, scope) for item in node["items"]]
        return self._inference.built("array", union(values))

    def _set(self, node: Tree, scope: Scope) -> Value:
        values = [self.value(item, scope) for item in node["items"]]
        return self._inference.built("set", union(values))

    def _object(self, node: Tree, scope: Scope) -> Value:
        fields: dict[str, Value] = {}
        others: list[Value] = []
        for _, key, item in node["fields"]:
            name = literal(key)
            value = self.value(item, scope)
            if name is None:
                self.value(key, scope)
                others.append(value)
            else:
                fields[name] = value
        return self._inference.built("object", union(others), fields)

    def _comprehension(self, node: Tree, scope: Scope) -> Value:
        inner = dict(scope)
        self.query(node["query"], inner)
        if "term" in node:
            return self.value(node["term"], inner)
        self.value(node["key"], inner)
        return self.value(node["value"], inner)


_CONSTANTS: Final[dict[str, Value]] = {
    "String": one(STRING),
    "RawString": one(STRING),
    "Number": one(NUMBER),
    "Bool": one(BOOLEAN),
    "Null": one(NULL),
}


def _collecting(kind: Any) -> Callable[[Body, Tree, Scope], Value]:
    def collect(body: Body, node: Tree, scope: Scope) -> Value:
        return body._inference.built(kind, body._comprehension(node, scope))

    return collect


_METHODS: Final[dict[str, Callable[[Body, Tree, Scope], Value]]] = {
    "AssignExpr": Body._assign,
    "BoolExpr": Body._comparison,
    "Membership": Body._membership,
    "Call": Body._call,
    "ArithExpr": Body._arithmetic,
    "BinExpr": Body._sets,
    "UnaryExpr": Body._negative,
    "Array": Body._array,
    "Set": Body._set,
    "Object": Body._object,
    "ArrayCompr": _collecting("array"),
    "SetCompr": _collecting("set"),
    "ObjectCompr": _collecting("object"),
}
