"""Order the statements of a query so that variables are bound before they are used.

In: the statements of a query; Rego may have them in any order. Out: the same statements.
"""

from __future__ import annotations

from typing import Any

from policyd.policies.syntax_tree import Tree, nodes


def ordered(statements: list[Tree]) -> list[Tree]:
    """Return `statements` so that a variable is bound before it is used, where possible."""
    bound = [bound_names(statement) for statement in statements]
    everything = set().union(*bound)
    used = [
        {node["value"] for kind, node in nodes(statement) if kind == "Var"} & everything - own
        for statement, own in zip(statements, bound, strict=True)
    ]
    pending = list(range(len(statements)))
    known: set[str] = set()
    ordered = []
    while pending:
        number = next((n for n in pending if used[n] <= known), pending[0])
        pending.remove(number)
        known |= bound[number]
        ordered.append(statements[number])
    return ordered


def bound_names(statement: Tree) -> set[str]:
    """Return the variables that a statement binds: `some … in`, `:=` and `=`."""
    (kind, node), *_ = statement["literal"].items()
    if kind == "SomeIn":
        return _names([node["key"], node["value"]])
    if kind == "Expr" and "AssignExpr" in node["expr"]:
        return _names(node["expr"]["AssignExpr"]["lhs"])
    return set()


def _names(tree: Any) -> set[str]:
    return {node["value"] for kind, node in nodes(tree) if kind == "Var"}
