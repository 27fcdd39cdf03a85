"""Evaluate the simple statements at the beginning of a rule, without an engine.

In: the syntax tree of a body; the input document and the data. Out: whether the simple statements
hold for any values of their variables. Simple are `some x in …`, comparisons, membership,
`startswith` and `is_string` of references and constants, and `not` before one of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from policyd.policies.rego_values import (
    SCALARS,
    UNDEFINED,
    Doubt,
    below_all,
    defined,
    different,
    is_different,
    is_equal,
    is_in,
    is_true,
    items,
    starts_with,
    step,
    with_constant,
)
from policyd.policies.syntax_tree import Tree
from policyd.policy_input import PolicyInput

Expression = Callable[["Scope"], Any]
"""Returns the value of an expression."""

_CONSTANTS: Final = ("String", "RawString", "Number", "Bool", "Null", "Array", "Set")
_OPERATORS: Final = {"Eq", "Ne"}
_INPUT_FIELDS: Final = {
    field.encode_name: field.name for field in msgspec.structs.fields(PolicyInput)
}


class Column(NamedTuple):
    """The values of one field of all workloads, or of what their field `of` lists.

    With `field` "", the listed values themselves.
    """

    of: str
    field: str


class Scope:
    """The values of the variables of a body, of `input` and of `data`."""

    def __init__(self, document: PolicyInput, data: Mapping[str, Any]) -> None:
        self.document = document
        self.data = data
        self.variables: dict[str, Any] = {}
        self._columns: dict[Column, list[Any]] = {}

    def column(self, column: Column) -> list[Any]:
        """Return the different values of `column`. Raises Doubt."""
        if column not in self._columns:
            self._columns[column] = self._values(column)
        return self._columns[column]

    def _values(self, column: Column) -> list[Any]:
        owners: Sequence[Any] = self.document.workloads
        if not column.field:
            listed = below_all(owners, column.of)
            return [item for each in listed for _, item in items(each)]
        if column.of:
            owners = self.column(Column(column.of, ""))
        return different(below_all(owners, column.field))


class Test(NamedTuple):
    """A statement that holds or does not.

    With a `column`, it holds only if `of_value` holds for one of the values of the column.
    """

    holds: Callable[[Scope], bool]
    column: Column | None = None
    of_value: Callable[[Any], bool] = bool


class Loop(NamedTuple):
    """The statement `some key, value in collection`. A name is "" where there is none.

    With a `column`, the collections are those whose values are in it.
    """

    key: str
    value: str
    collection: Expression
    column: Column | None = None


class Body:
    """The simple statements at the beginning of a body."""

    def __init__(self, statements: Sequence[Test | Loop]) -> None:
        self._statements = tuple(statements)

    def may_hold(self, scope: Scope) -> bool:
        """Return whether the statements hold for any values, or that is not known."""
        try:
            return self._has_values(scope) and self._holds(0, scope)
        except Doubt:
            return True

    def _has_values(self, scope: Scope) -> bool:
        """Return whether each of the first statements alone may hold: that takes little time."""
        for statement in self._statements:
            if statement.column is None:
                if isinstance(statement, Test):
                    break  # in an engine, it may end the evaluation with an error
                continue
            values = scope.column(statement.column)
            if not (
                any(map(statement.of_value, values)) if isinstance(statement, Test) else values
            ):
                return False
        return True

    def _holds(self, place: int, scope: Scope) -> bool:
        if place == len(self._statements):
            return True
        statement = self._statements[place]
        if isinstance(statement, Test):
            return statement.holds(scope) and self._holds(place + 1, scope)
        variables = scope.variables
        for key, value in items(statement.collection(scope)):
            variables[statement.key], variables[statement.value] = key, value
            if self._holds(place + 1, scope):
                return True
        return False


def simple_statements(statements: Iterable[Tree], packages: Sequence[str]) -> Body:
    """Return the simple statements at the beginning of `statements`.

    `packages` are those of the policy set: what is below them is not data.
    """
    reader = _Reader(packages)
    found = []
    for statement in statements:
        try:
            if statement.get("with_mods"):
                break
            found.append(reader.statement(statement["literal"]))
        except Doubt:
            break
    return Body(found)


class _Reader:
    """Compiles statements. Its methods raise Doubt for what is not simple."""

    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = packages
        self._variables: set[str] = set()
        self._listed_in: dict[str, str] = {}
        """The field of workloads whose items a variable has; "" for a variable with workloads."""

    def statement(self, literal: Tree) -> Test | Loop:
        (kind, node), *_ = literal.items()
        if kind == "SomeIn":
            return self._loop(node)
        if kind == "Expr":
            return self.test(node["expr"])
        if kind == "NotExpr":
            holds, column, of_value = self.test(node["expr"])
            return Test(lambda scope: not holds(scope), column, lambda value: not of_value(value))
        raise Doubt

    def _loop(self, node: Tree) -> Loop:
        collection = self.expression(node["collection"])
        key, value = self._new(node["key"]), self._new(node["value"])
        if key and "Set" in node["collection"]:
            raise Doubt
        column = self._column(node["collection"])
        if _is_workloads(node["collection"]):
            self._listed_in[value] = ""
        elif column and not column.of:
            self._listed_in[value] = column.field
            column = Column(column.field, "")
        else:
            column = None
        self._variables |= {key, value} - {""}
        return Loop(key, value, collection, column)

    def _column(self, expression: Tree) -> Column | None:
        """Return the column of an expression such as `w.mounts` and `mount.request`."""
        step = expression.get("RefDot")
        root = step["refr"].get("Var", {}).get("value") if step else None
        if step is None or root not in self._listed_in:
            return None
        return Column(self._listed_in[root], step["field"][1])

    def test(self, expression: Tree) -> Test:
        (kind, node), *_ = expression.items()
        if kind == "BoolExpr" and node["op"] in _OPERATORS:
            if "Set" in node["lhs"] or "Set" in node["rhs"]:
                raise Doubt
            comparison = is_equal if node["op"] == "Eq" else is_different
            return self._binary(node["lhs"], node["rhs"], comparison)
        if kind == "Membership" and node["key"] is None:
            return self._binary(node["value"], node["collection"], is_in)
        if kind == "Call":
            return self._call(node)
        if kind in ("RefDot", "RefBrack"):
            return self._unary(expression, is_true)
        raise Doubt

    def _unary(self, expression: Tree, holds: Callable[[Any], bool]) -> Test:
        value = self.expression(expression)
        return Test(lambda scope: holds(value(scope)), self._column(expression), holds)

    def _binary(self, left: Tree, right: Tree, holds: Callable[[Any, Any], bool]) -> Test:
        first, second = self.expression(left), self.expression(right)
        (kind, node), *_ = right.items()
        column = self._column(left) if kind in _CONSTANTS else None
        if column is None:
            return Test(lambda scope: holds(first(scope), second(scope)))
        of_value = with_constant(holds, _constant(kind, node))
        return Test(lambda scope: of_value(first(scope)), column, of_value)

    def expression(self, expression: Tree) -> Expression:
        (kind, node), *_ = expression.items()
        if kind in _CONSTANTS:
            constant = _constant(kind, node)
            return lambda _: constant
        steps: list[Expression | str] = []
        while kind in ("RefDot", "RefBrack"):
            steps.append(node["field"][1] if kind == "RefDot" else self._index(node["index"]))
            (kind, node), *_ = node["refr"].items()
        if kind != "Var":
            raise Doubt
        return self._reference(node["value"], steps[::-1])

    def _index(self, index: Tree) -> Expression | str:
        (kind, node), *_ = index.items()
        if kind in ("String", "RawString"):
            return str(_constant(kind, node))
        return self.expression(index)

    def _reference(self, root: str, steps: list[Expression | str]) -> Expression:
        if root in self._variables:
            return _chain(lambda scope: scope.variables[root], steps)
        if not steps or not isinstance(first := steps[0], str):
            raise Doubt
        if root == "input" and first in _INPUT_FIELDS:
            attribute = _INPUT_FIELDS[first]
            return _chain(lambda scope: getattr(scope.document, attribute), steps[1:])
        if root == "data":
            return self._of_data(steps)
        raise Doubt

    def _of_data(self, steps: list[Expression | str]) -> Expression:
        """Return a reference to data that no package can add to."""
        constant: list[str] = []
        for each in steps:
            if not isinstance(each, str):
                break
            constant.append(each)
        path = f"{'.'.join(constant)}."
        packages = [f"{package}." for package in self._packages]
        if any(each.startswith(path) or path.startswith(each) for each in packages):
            raise Doubt

        def root(scope: Scope) -> Any:
            value: Any = scope.data
            for key in constant:
                value = value.get(key, UNDEFINED) if isinstance(value, dict) else UNDEFINED
            return value

        return _chain(root, steps[len(constant) :])

    def _call(self, node: Tree) -> Test:
        function, parameters = node["fcn"], node["params"]
        name = function["Var"]["value"] if "Var" in function else ""
        if name == "startswith" and len(parameters) == 2:
            return self._binary(parameters[0], parameters[1], starts_with)
        if name == "is_string" and len(parameters) == 1:
            return self._unary(parameters[0], lambda value: isinstance(defined(value), str))
        raise Doubt

    def _new(self, name: Tree | None) -> str:
        """Return the name of a variable that `some` declares."""
        if name is None or name.get("Var", {}).get("value") == "_":
            return ""
        if "Var" not in name or name["Var"]["value"] in self._variables:
            raise Doubt
        return str(name["Var"]["value"])


def _is_workloads(expression: Tree) -> bool:
    step = expression.get("RefDot")
    if step is None or step["field"][1] != "workloads":
        return False
    return bool(step["refr"].get("Var", {}).get("value") == "input")


def _constant(kind: str, node: Tree) -> Any:
    if kind == "Array" or kind == "Set":
        return tuple(_constant(*next(iter(item.items()))) for item in node["items"])
    if kind not in ("String", "RawString", "Number", "Bool", "Null"):
        raise Doubt
    value = node["value"]
    if not isinstance(value, SCALARS) or (isinstance(value, str) and "\\" in value):
        raise Doubt
    return value


def _chain(root: Expression, steps: list[Expression | str]) -> Expression:
    """Return the reference to what is below `root` at `steps`."""
    if not steps:
        return root
    if len(steps) == 1 and isinstance(only := steps[0], str):
        return lambda scope: step(root(scope), only)

    def follow(scope: Scope) -> Any:
        value = root(scope)
        for each in steps:
            value = step(value, each if isinstance(each, str) else each(scope))
        return value

    return follow
