"""Refuse Rego that regorus reads differently from OPA, as far as its text shows that.

In: the syntax tree of a module. Out: errors with place and with what to write instead. Every
difference was measured with OPA 1.22 and regorus 0.13. docs/policy-authoring.md lists those that
depend on values at run time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policyd.errors import PolicySetError
from policyd.model import Location
from policyd.policies.patterns import glob_problem, regex_problem
from policyd.policies.syntax_tree import (
    Module,
    Tree,
    constant_path,
    head_of,
    literal,
    nodes,
    place,
    token,
)

_KEYWORDS: Final = ("in", "every", "contains", "if")
_LARGEST: Final = 2**63
_ROUNDING: Final = ("floor", "ceil", "round")
_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_EXPONENT: Final = re.compile(r"[0-9.][eE][+-]?[0-9]")
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


def differences(modules: Mapping[str, Module]) -> Iterator[PolicySetError]:
    """Yield the constructs of `modules` that the engines read differently."""
    yield from _heads(modules.values())
    for module in modules.values():
        yield from _imports(module)
        for rule in module.tree["rules"]:
            (_, body), *_ = rule.items()
            yield from _unused(module, body)
            for kind, node in nodes(body):
                for problem, where in _in_expression(kind, node):
                    yield PolicySetError(problem, place(where, module.file))


def _in_expression(kind: str, node: Tree) -> Iterator[tuple[str, Tree]]:
    if kind == "Number" and abs(node["value"]) >= _LARGEST:
        yield "the engines read numbers above 2^63 differently", node
    elif kind == "RefBrack" and _number(node["index"]) < 0:
        yield "a negative index is always undefined; write xs[count(xs) - 1]", node
    elif kind == "ArithExpr":
        yield from _arithmetic(node)
    elif kind == "Call":
        yield from _call(node)


def _arithmetic(node: Tree) -> Iterator[tuple[str, Tree]]:
    for side in (node["lhs"], node["rhs"]):
        if "Number" in side and float(side["Number"]["value"]) % 1:
            yield "the engines calculate with fractions differently; use integers", side


def _call(node: Tree) -> Iterator[tuple[str, Tree]]:
    name, arguments = ".".join(constant_path(node["fcn"])), node["params"]
    text = literal(arguments[0]) if arguments else None
    if name == "glob.match":
        if text is None:
            yield "the pattern of glob.match must be a string literal without **", node["fcn"]
        elif problem := glob_problem(text):
            yield problem, node["fcn"]
    elif name.startswith("regex."):
        yield from _regex(name, arguments)
    elif text is None:
        return
    elif name in ("startswith", "endswith") and len(arguments) > 1:
        if literal(arguments[1]) is None:
            yield f"the first argument of {name} is the whole text; swap the arguments", node["fcn"]
    elif name in ("lower", "upper") and not text.isascii():
        yield f"the engines change the case of letters beyond ASCII differently in {name}", node
    elif name == "time.parse_rfc3339_ns" and not _RFC3339.fullmatch(text):
        yield "one engine refuses this time; write it as 2027-01-31T00:00:00Z", arguments[0]
    elif name.startswith("units.") and _EXPONENT.search(text):
        yield "the engines read exponents in units differently; write the digits", arguments[0]
    elif name == "to_number" and not _NUMBER.fullmatch(text):
        yield "one engine refuses this number; write digits without spaces or signs", arguments[0]


def _regex(name: str, arguments: list[Tree]) -> Iterator[tuple[str, Tree]]:
    at = 1 if name == "regex.replace" else 0
    pattern = arguments[at] if len(arguments) > at else {}
    text = literal(pattern) if pattern else None
    if text is None:
        if name == "regex.match" and len(arguments) > 1 and literal(arguments[1]) is not None:
            yield "the first argument of regex.match is the pattern; swap the arguments", pattern
        return
    if problem := regex_problem(text):
        yield problem, pattern
    elif name == "regex.split" and _matches_nothing(text):
        yield "the engines split by a pattern that matches the empty string differently", pattern


def _matches_nothing(pattern: str) -> bool:
    try:
        return re.match(pattern, "") is not None
    except re.error:
        return False


def _imports(module: Module) -> Iterator[PolicySetError]:
    for item in module.tree["imports"]:
        path = constant_path(item["refr"])
        if path[0] == "future" and not (len(path) == 3 and path[2] in _KEYWORDS):
            yield PolicySetError(
                f"one engine does not support the import {'.'.join(path)}; remove it: Rego v1 has "
                "if, in, contains and every without an import",
                place(item["refr"], module.file),
            )


def _unused(module: Module, body: Tree) -> Iterator[PolicySetError]:
    """Yield an error for each variable that `some` declares and nothing uses, as OPA does."""
    found = list(nodes(body))
    used = {node["value"] for kind, node in found if kind == "Var"}
    for kind, node in found:
        for span in node["vars"] if kind == "SomeVars" else ():
            name = token(span, module.text)
            if name not in used:
                yield PolicySetError(
                    f"the declared variable {name} is not used",
                    Location(module.file, span["line"], span["col"]),
                )


def _heads(modules: Any) -> Iterator[PolicySetError]:
    """Yield an error for a head such as p[q].r beside another head of the same rule."""
    heads: dict[str, list[tuple[Module, Tree]]] = {}
    for module in modules:
        for rule in module.tree["rules"]:
            head = head_of(rule)
            name = f"{module.package}.{constant_path(head)[0]}"
            heads.setdefault(name, []).append((module, head))
    for found in heads.values():
        if len({_shape(head) for _, head in found}) == 1:
            continue
        for module, head in found:
            if _is_general(head):
                yield PolicySetError(
                    "one engine evaluates a head with a variable before its last key as undefined "
                    "beside other heads of the same rule; use another name for one of them",
                    place(head, module.file),
                )


def _is_general(head: Tree) -> bool:
    """Return whether a variable stands before the last key of a head: p[q].r."""
    (_, node), *_ = head.items()
    while "refr" in node:
        head = node["refr"]
        (_, node), *_ = head.items()
        if "index" in node and literal(node["index"]) is None:
            return True
    return False


def _shape(head: Tree) -> tuple[str, ...]:
    keys: list[str] = []
    while head.keys() & {"RefDot", "RefBrack"}:
        (_, node), *_ = head.items()
        keys.append(node["field"][1] if "field" in node else literal(node["index"]) or "[]")
        head = node["refr"]
    return tuple(keys)


def _number(index: Tree) -> float:
    return float(index["Number"]["value"]) if "Number" in index else 0
