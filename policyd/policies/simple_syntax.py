"""What the syntax tree of simple statements says: constants, names, paths.

In: expressions of the syntax tree. Out: values and names. Raises Doubt for what is not simple.
"""

from __future__ import annotations

from typing import Any, Final

from policyd.policies.rego_values import SCALARS, Doubt, RegoSet, whole
from policyd.policies.syntax_tree import Tree

SCALAR_KINDS: Final = ("String", "RawString", "Number", "Bool", "Null")


def scalar(node: Tree) -> Any:
    """Return the value of a text, a whole number, a bool or null."""
    value = node["value"]
    if not isinstance(value, SCALARS) or (isinstance(value, str) and "\\" in value):
        raise Doubt
    return whole(value) if isinstance(value, int | float) else value


def constant(expression: Tree) -> Any:
    """Return the value of an expression for which `is_constant` is true."""
    (kind, node), *_ = expression.items()
    if kind in ("Array", "Set"):
        values_ = tuple(map(constant, node["items"]))
        return RegoSet(values_) if kind == "Set" else values_
    return scalar(node)


def is_constant(expression: Tree) -> bool:
    """Return whether `expression` consists of scalars, lists and sets."""
    (kind, node), *_ = expression.items()
    if kind in ("Array", "Set"):
        return all(map(is_constant, node["items"]))
    return kind in SCALAR_KINDS


def key_of(index: Tree) -> Tree | str:
    """Return the constant key of a reference, or the expression that gives it."""
    (kind, node), *_ = index.items()
    return str(scalar(node)) if kind in ("String", "RawString") else index


def variable(expression: Tree) -> str:
    """Return the name that `expression` is; "" for other expressions."""
    return str(expression.get("Var", {}).get("value", ""))


def root_of(expression: Tree) -> str:
    """Return the name that `expression` starts from; "" unless it has only names and keys."""
    (kind, node), *_ = expression.items()
    while kind in ("RefDot", "RefBrack"):
        if kind == "RefBrack" and not node["index"].keys() & {"String", "RawString", "Var"}:
            return ""
        (kind, node), *_ = node["refr"].items()
    return str(node["value"]) if kind == "Var" else ""


def names_in(tree: Any) -> set[str]:
    """Return the names of all variables in `tree`."""
    if isinstance(tree, dict):
        own = tree.get("Var")
        found = {str(own["value"])} if isinstance(own, dict) and "value" in own else set()
        return found.union(*map(names_in, tree.values()))
    if isinstance(tree, list | tuple):
        return set().union(*map(names_in, tree))
    return set()


def dotted(function: Tree) -> str:
    """Return the name of a function as it is written."""
    names: list[str] = []
    while "RefDot" in function:
        names.append(function["RefDot"]["field"][1])
        function = function["RefDot"]["refr"]
    if "Var" not in function:
        raise Doubt
    return ".".join([function["Var"]["value"], *reversed(names)])
