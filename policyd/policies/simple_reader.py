"""Compile the simple statements at the beginning of a rule.

In: the syntax tree of a body, and the rules of the policy set. Out: a Body. Simple are
`some x in …`, `x := …`, comparisons, membership, and `not` before a test. Their operands are
references, constants, comprehensions, built-in functions of `simple_builtins`, and rules and
functions of the policy set whose definitions consist of simple statements too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import takewhile
from typing import Any, Final

import msgspec

from policyd.policies.rego_values import (
    Doubt,
    field_names,
    is_at_least,
    is_at_most,
    is_different,
    is_equal,
    is_in,
    is_less,
    is_more,
    is_true,
    with_constant,
)
from policyd.policies.simple_builtins import BUILTINS, OPERATIONS, applied, is_prefixed, lists_of
from policyd.policies.simple_source import Block, Rules
from policyd.policies.simple_statements import Body, Column, Condition
from policyd.policies.simple_syntax import (
    SCALAR_KINDS,
    constant,
    dotted,
    is_constant,
    key_of,
    names_in,
    root_of,
    scalar,
    variable,
)
from policyd.policies.syntax_tree import Tree
from policyd.policy_input import PolicyInput
from policyd.workloads.model import Workload

_OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "Eq": is_equal,
    "Ne": is_different,
    "Lt": is_less,
    "Le": is_at_most,
    "Gt": is_more,
    "Ge": is_at_least,
}
_COMPREHENSIONS: Final = ("ArrayCompr", "SetCompr", "ObjectCompr")
_WORKLOAD_FIELDS: Final = {key for key, name in field_names(Workload).items() if key == name}
_INPUT_FIELDS: Final = {
    field.encode_name: field.name for field in msgspec.structs.fields(PolicyInput)
}


class Reader:
    """Compiles the statements of one body. Its methods raise Doubt for what is not simple."""

    def __init__(self, rules: Rules, variables: Mapping[str, str] | None = None) -> None:
        """`variables` are the arguments of the function that the body defines, by their names."""
        self._rules = rules
        self._namespace = rules.namespace
        self.variables = dict(variables or {})
        """The names of variables in the generated code."""
        self.block = Block()
        self._conditions: list[Condition] = []
        self._are_certain = True
        self._later: set[str] = set()
        """Variables of the query that are not declared yet: a rule so named is not meant."""
        self._listed_in: dict[str, str] = {}
        """The field of workloads whose items a variable has; "" for a variable with workloads."""

    def beginning(self, statements: Sequence[Tree], value: Tree | None = None) -> Body:
        """Return the simple statements at the beginning of `statements`.

        `value` is what a solution of all of them adds to the rule.
        """
        last = ""
        with suppress(Doubt):
            self.read(statements)
            last = f"found.append({self.part(value)})" if value is not None else ""
        self.block.add(last or "return (True,)")
        report = self._function(["found = []", *self.block.lines, "return found"])
        return Body(self._conditions, report, is_whole=last != "")

    def _function(self, lines: Sequence[str]) -> Callable[..., Any]:
        return self._namespace.function(self._namespace.define(["scope"], lines))

    def read(self, statements: Sequence[Tree]) -> None:
        """Add all of `statements` to the block."""
        self._announce(statements)
        for each in statements:
            self._statement(each)

    def expression(self, expression: Tree) -> str:
        """Return the code of `expression`."""
        (kind, node), *_ = expression.items()
        if kind in SCALAR_KINDS:
            return repr(scalar(node))
        if kind in ("Array", "Set"):
            return self._listed(kind, node)
        if kind == "Object":
            return self._object(node["fields"])
        if kind in _COMPREHENSIONS:
            return self._comprehension(kind, node)
        if kind == "Call":
            return self._call(node)
        if kind in ("BinExpr", "ArithExpr") and node["op"] in OPERATIONS:
            operands = [self.expression(node[side]) for side in ("lhs", "rhs")]
            return self._applied(OPERATIONS[node["op"]], operands)
        return self._chain(expression)

    def part(self, expression: Tree) -> str:
        """Return the code of an expression that must be defined."""
        code = self.expression(expression)
        is_defined = is_constant(expression) or self._is_value(expression)
        return code if is_defined else f"defined({code})"

    def _is_value(self, expression: Tree) -> bool:
        """Return whether `expression` is a variable, or a field that each workload has."""
        if field := expression.get("RefDot"):
            return self._listed_in.get(variable(field["refr"])) == "" and (
                field["field"][1] in _WORKLOAD_FIELDS
            )
        return variable(expression) in self.variables

    def _applied(self, call: Callable[..., Any], arguments: Sequence[str]) -> str:
        name = self._namespace.name(applied(call, len(arguments)))
        return f"{name}({', '.join(['scope', *arguments])})"

    def _object(self, fields: Sequence[tuple[Any, Tree, Tree]]) -> str:
        pairs = [(self.part(key), self.part(value)) for _, key, value in fields]
        keys = {
            key for (_, tree, _), (key, _) in zip(fields, pairs, strict=True) if "String" in tree
        }
        if len(keys) == len(fields):
            return f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
        return f"object_of(({''.join(f'({key}, {value}), ' for key, value in pairs)}))"

    def _announce(self, statements: Sequence[Tree]) -> None:
        for statement in statements:
            (kind, node), *_ = statement["literal"].items()
            if kind == "SomeIn":
                self._later |= names_in((node["key"], node["value"]))
            elif kind == "Expr" and node["expr"].get("AssignExpr", {}).get("op") == "ColEq":
                self._later |= names_in(node["expr"]["AssignExpr"]["lhs"])

    def _statement(self, statement: Tree) -> None:
        if statement.get("with_mods"):
            raise Doubt
        (kind, node), *_ = statement["literal"].items()
        if kind == "SomeIn":
            self._loop(node)
        elif kind == "Expr" and "AssignExpr" in node["expr"]:
            self._assignment(node["expr"]["AssignExpr"])
        elif kind in ("Expr", "NotExpr"):
            code, column, holds = self._test(node["expr"])
            if kind == "NotExpr":
                code, holds = f"not {code}", _negated(holds)
            self.block.open(f"if {code}:")
            self._need(Condition(column, holds) if column else None)
        else:
            raise Doubt

    def _need(self, condition: Condition | None, *, is_certain: bool = False) -> None:
        """Note what a statement needs.

        What comes after one that may end the evaluation with an error in an engine is not looked at
        before it.
        """
        if self._are_certain and condition is not None:
            self._conditions.append(condition)
        self._are_certain &= condition is not None or is_certain

    def _loop(self, node: Tree) -> None:
        collection = self.expression(node["collection"])
        used, root = names_in(node["collection"]), root_of(node["collection"])
        is_certain = root in {*self.variables, "input"}
        is_fixed = not used & self.variables.keys()
        column = self._column(node["collection"])
        steps = self._constant_steps(node["collection"])
        listed = None
        if steps is not None and self._are_workloads(steps):
            listed = ""
        elif column and not column.of:
            listed, column = column.field, Column(column.field, "")
        else:
            column = None
        if node["key"] is None and "Array" in node["value"]:
            self._unpack(collection, node["value"]["Array"]["items"])
        else:
            key, value = self._new(node["key"]), self._new(node["value"])
            each = (
                f"{value} in scope.values"
                if node["key"] is None
                else f"{key}, {value} in scope.items"
            )
            self.block.open(f"for {each}({collection}):")
            if listed is not None and (name := variable(node["value"])) in self.variables:
                self._listed_in[name] = listed
        condition = Condition(column) if column else None
        if condition is None and is_fixed:
            condition = Condition(collection=self._function([f"return {collection}"]))
        self._need(condition, is_certain=is_certain)

    def _unpack(self, collection: str, pattern: Sequence[Tree]) -> None:
        """Add `some [a, b] in …`: values that are no lists of this length do not match."""
        if not pattern or any("Var" not in item for item in pattern):
            raise Doubt
        names = [self._new(item) for item in pattern]
        rows = self._namespace.name(lists_of(len(names)))
        self.block.open(f"for {', '.join(names)}, in {rows}(scope.values({collection})):")

    def _assignment(self, node: Tree) -> None:
        if node["op"] != "ColEq":
            raise Doubt
        value = self.expression(node["rhs"])
        name = self._new(node["lhs"])
        self.block.add(f"{name} = {value}")
        self.block.open(f"if {name} is not UNDEFINED:")
        self._need(None)

    def _column(self, expression: Tree) -> Column | None:
        """Return the column of an expression such as `w.mounts` and `mount.request`."""
        below = expression.get("RefDot")
        root = variable(below["refr"]) if below else ""
        if below is None or root not in self._listed_in:
            return None
        return Column(self._listed_in[root], below["field"][1])

    def _test(self, expression: Tree) -> tuple[str, Column | None, Callable[[Any], bool]]:
        """Return the code of a test, the column that it is about, and the test of its values."""
        (kind, node), *_ = expression.items()
        if kind == "BoolExpr" and node["op"] in _OPERATORS:
            return self._binary(node["lhs"], node["rhs"], _OPERATORS[node["op"]])
        if kind == "Membership" and node["key"] is None:
            return self._binary(node["value"], node["collection"], is_in)
        called = variable(node["fcn"]) if kind == "Call" else ""
        count = len(node["params"]) if called else 0
        is_own = bool(called) and self._rules.function(called, count) is not None
        if called == "startswith" and count == 2 and not is_own:
            left, right = node["params"]
            return self._binary(left, right, is_prefixed)
        if kind not in ("RefDot", "RefBrack", "Call", "Var"):
            raise Doubt
        code = f"is_true({self.expression(expression)})"
        if called == "is_string" and count == 1 and not is_own:
            return code, self._column(node["params"][0]), lambda value: isinstance(value, str)
        return code, self._column(expression), is_true

    def _binary(
        self, left: Tree, right: Tree, holds: Callable[[Any, Any], bool]
    ) -> tuple[str, Column | None, Callable[[Any], bool]]:
        first = self.expression(left)
        if not is_constant(right):
            name = self._namespace.name(holds)
            second = self.expression(right)
            if holds is is_in:
                second = f"scope.counted({second})"
            return f"{name}({first}, {second})", None, bool
        of_value = with_constant(holds, constant(right))
        if holds is is_equal and right.keys() & {"String", "RawString"}:
            code = f"({first} == {self.expression(right)})"
        else:
            code = f"{self._namespace.name(of_value)}({first})"
        return code, self._column(left), of_value

    def _listed(self, kind: str, node: Tree) -> str:
        if is_constant({kind: node}):
            return self._namespace.name(constant({kind: node}))
        parts = "".join(f"{self.part(item)}, " for item in node["items"])
        return f"RegoSet(({parts}))" if kind == "Set" else f"({parts})"

    def _comprehension(self, kind: str, node: Tree) -> str:
        inner = Reader(self._rules, self.variables)
        inner._later = set(self._later)
        inner.read(node["query"]["stmts"])
        terms = ("key", "value") if kind == "ObjectCompr" else ("term",)
        found = ", ".join(inner.part(node[name]) for name in terms)
        inner.block.add(f"found.append(({found}))")
        make = {"ArrayCompr": "found", "SetCompr": "RegoSet(found)"}.get(kind, "object_of(found)")
        used = names_in(node)
        parameters = ["scope", *(code for name, code in self.variables.items() if name in used)]
        lines = ["found = []", *inner.block.lines, f"return {make}"]
        name = self._namespace.define(parameters, lines)
        return f"{name}({', '.join(parameters)})"

    def _call(self, node: Tree) -> str:
        name = dotted(node["fcn"])
        if name.partition(".")[0] in {*self.variables, *self._later}:
            raise Doubt
        arguments = [self.expression(each) for each in node["params"]]
        if function := self._rules.function(name, len(arguments)):
            return f"{function}({', '.join(['scope', *arguments])})"
        builtin = BUILTINS.get(name)
        if builtin is None or builtin.arity != len(arguments):
            raise Doubt
        return self._applied(builtin.call, arguments)

    def _chain(self, expression: Tree) -> str:
        (kind, node), *_ = expression.items()
        steps: list[Tree | str] = []
        while kind in ("RefDot", "RefBrack"):
            steps.append(node["field"][1] if kind == "RefDot" else key_of(node["index"]))
            (kind, node), *_ = node["refr"].items()
        steps.reverse()
        if kind == "Call":
            return self._follow(self._call(node), steps)
        if kind != "Var":
            raise Doubt
        return self._reference(node["value"], steps)

    def _reference(self, root: str, steps: list[Tree | str]) -> str:
        if root in self.variables:
            name, field = self.variables[root], steps[0] if steps else ""
            is_workload = self._listed_in.get(root) == ""
            if is_workload and isinstance(field, str) and field in _WORKLOAD_FIELDS:
                return self._follow(f"{name}.{field}", steps[1:])
            return self._follow(name, steps)
        if root in self._later:
            raise Doubt
        if root == "input":
            first = steps[0] if steps else None
            if not isinstance(first, str) or first not in _INPUT_FIELDS:
                raise Doubt
            return self._follow(f"scope.document.{_INPUT_FIELDS[first]}", steps[1:])
        path = [] if root == "data" else self._rules.path_of(root)
        if path is None:
            raise Doubt
        return self._of_data([*path, *steps])

    def _of_data(self, steps: list[Tree | str]) -> str:
        names = [str(each) for each in takewhile(lambda each: isinstance(each, str), steps)]
        if found := self._rules.rule(names):
            rule, length = found
            return self._follow(f"scope.rule({rule})", steps[length:])
        value = self._rules.data(names)
        return self._follow(self._namespace.name(value), steps[len(names) :])

    def _follow(self, code: str, steps: Iterable[Tree | str]) -> str:
        """Return the reference to what is below `code` at `steps`."""
        for each in steps:
            if isinstance(each, str):
                code = f"{self._namespace.field(each)}({code})"
            else:
                code = f"step({code}, {self.expression(each)})"
        return code

    def _constant_steps(self, expression: Tree) -> list[str] | None:
        """Return the path of a reference from `input` or `data`; None for other expressions."""
        (kind, node), *_ = expression.items()
        steps: list[str] = []
        while kind == "RefDot":
            steps.append(node["field"][1])
            (kind, node), *_ = node["refr"].items()
        if kind != "Var" or node["value"] in self.variables:
            return None
        root = str(node["value"])
        if root in ("input", "data"):
            return [root, *steps[::-1]]
        path = self._rules.path_of(root)
        return None if path is None else ["data", *path, *steps[::-1]]

    def _are_workloads(self, steps: list[str]) -> bool:
        if steps[0] == "data":
            return self._rules.lists_workloads(steps[1:])
        return steps == ["input", "workloads"]

    def _new(self, declared: Tree | None) -> str:
        """Return the name in the code of a variable that a statement declares."""
        if declared is None or variable(declared) == "_":
            return "_"
        name = variable(declared)
        if not name or name in self.variables:
            raise Doubt
        self._later.discard(name)
        self.variables[name] = f"v{len(self.variables)}"
        return self.variables[name]


def _negated(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: not holds(value)
