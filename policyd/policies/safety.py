"""Find variables to which nothing in a rule gives a value, or to which it gives two.

OPA refuses both: it calls the first unsafe, the second declared above.

In: the syntax tree of a module. Out: errors with file, line and column. regorus evaluates such an
expression as undefined, so that a policy with a misspelt variable would never report anything.
A position that may bind a variable counts as one that does: what is reported is always unsafe.
Source: OPA, "Policy Language", "Safety"; the checks of v1/ast/compile.go.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from policyd.errors import PolicySetError
from policyd.model import Location
from policyd.policies.syntax_tree import Module, Tree, head_of, token
from policyd.suggestion import nearest

_COMPREHENSIONS: Final = ("ArrayCompr", "SetCompr", "ObjectCompr")
_NAMES: Final = ("span", "fcn", "field")
"""Parts of the tree without variables: places, names of functions, keys after a dot."""
_ALWAYS: Final = frozenset(("input", "data"))
_WILDCARD: Final = "_"


def unsafe_variables(
    modules: Mapping[str, Module], own: Iterable[Module]
) -> Iterator[PolicySetError]:
    """Yield an error for each unsafe variable in `own`. `modules` are all of the policy set."""
    of_package: dict[str, set[str]] = {}
    for module in modules.values():
        names = of_package.setdefault(module.package, set())
        names |= module.rules | module.functions
    for module in own:
        known = _ALWAYS | of_package[module.package] | module.imports.keys()
        for rule in module.tree["rules"]:
            yield from _Safety(module, known).of_rule(rule)


class _Safety:
    """The unsafe variables of one rule. `known` are the names that have a value everywhere."""

    def __init__(self, module: Module, known: Collection[str]) -> None:
        self._module = module
        self._known = frozenset(known)

    def of_rule(self, rule: Tree) -> Iterator[PolicySetError]:
        (kind, body), *_ = rule.items()
        if kind == "Default":
            return
        (_, head), *_ = body["head"].items()
        arguments = {name for argument in head.get("args", []) for name in _pattern(argument)}
        outer = self._known | arguments
        for one in body["bodies"] or [{"is_else": False, "query": {"stmts": []}}]:
            assign = one["assign"] if one["is_else"] else head.get("assign")
            parts = [*_indexes(head_of(rule)), head.get("key"), assign and assign["value"]]
            yield from self._declared_twice(one["query"]["stmts"], arguments)
            yield from self._query(one["query"]["stmts"], parts, outer)

    def _query(
        self, statements: list[Tree], parts: Iterable[Tree | None], outer: frozenset[str]
    ) -> Iterator[PolicySetError]:
        """Yield the unsafe variables of a query, and of the `parts` that are evaluated after it."""
        after = [part for part in parts if part]
        bound = outer | set(_Parts(after).indexed)
        for statement in statements:
            (kind, node), *_ = statement["literal"].items()
            bound |= set(self._binding(kind, node))
        for statement in statements:
            (kind, node), *_ = statement["literal"].items()
            if kind == "NotExpr":
                yield from self._negated(node["expr"], bound)
            elif kind == "Every":
                yield from self._every(node, bound)
            elif kind != "SomeVars":
                yield from self._expression(node, bound)
        yield from self._expression(after, bound)

    def _declared_twice(
        self, statements: list[Tree], arguments: Iterable[str]
    ) -> Iterator[PolicySetError]:
        """Yield the variables of a query that `:=` or `some` declares again."""
        declared = set(arguments)
        for statement in statements:
            (kind, node), *_ = statement["literal"].items()
            names = dict(self._declarations(kind, node))
            for name in names.keys() & declared - {_WILDCARD}:
                yield self._error(
                    names[name], f"the variable {name} has a value already; use another name"
                )
            declared |= names.keys()

    def _declarations(self, kind: str, node: Tree) -> Iterator[tuple[str, Tree]]:
        if kind == "SomeVars":
            yield from ((token(span, self._module.text), span) for span in node["vars"])
        elif kind == "SomeIn":
            for pattern in filter(None, (node["key"], node["value"])):
                yield from _Parts(pattern).variables
        elif kind == "Expr" and node["expr"].get("AssignExpr", {}).get("op") == "ColEq":
            yield from _Parts(node["expr"]["AssignExpr"]["lhs"]).variables

    def _binding(self, kind: str, node: Tree) -> Iterator[str]:
        """Yield the variables that a statement may bind."""
        if kind == "NotExpr":
            return
        yield from _Parts(node.get("domain") if kind == "Every" else node).indexed
        if kind == "SomeIn":
            yield from _pattern(node["key"])
            yield from _pattern(node["value"])
        elif kind == "Expr":
            (form, expression), *_ = node["expr"].items()
            if form == "AssignExpr":
                yield from _pattern(expression["lhs"])
                yield from _pattern(expression["rhs"]) if expression["op"] != "ColEq" else ()
            elif form == "Call" and expression["params"]:
                yield from _pattern(expression["params"][-1])

    def _every(self, node: Tree, bound: frozenset[str]) -> Iterator[PolicySetError]:
        yield from self._expression(node["domain"], bound)
        spans = [span for span in (node["key"], node["value"]) if span]
        inner = bound | {token(span, self._module.text) for span in spans}
        yield from self._declared_twice(node["query"]["stmts"], ())
        yield from self._query(node["query"]["stmts"], [], inner)

    def _negated(self, node: Tree, bound: frozenset[str]) -> Iterator[PolicySetError]:
        parts = _Parts(node)
        for name, span in parts.variables:
            if name not in bound:
                shown = "_" if name == _WILDCARD else f"the variable {name}"
                yield self._error(
                    span,
                    f"`not` gives no value to {shown}: write a helper rule or function and negate "
                    "it, or use `every`",
                )
        yield from self._comprehensions(parts, bound)

    def _expression(self, node: Any, bound: frozenset[str]) -> Iterator[PolicySetError]:
        parts = _Parts(node)
        for name, span in parts.variables:
            if name not in bound and name != _WILDCARD:
                near = nearest(name, sorted(bound - self._known) or sorted(bound))
                hint = f"; did you mean {near}?" if near else ""
                hint = hint or f"; write `some {name} in …` or `{name} := …`"
                yield self._error(span, f"nothing gives a value to the variable {name}{hint}")
        for problem, span in parts.wildcards:
            yield self._error(span, f"{problem}; give the variable a name")
        yield from self._comprehensions(parts, bound)

    def _comprehensions(self, parts: _Parts, bound: frozenset[str]) -> Iterator[PolicySetError]:
        for inner in parts.comprehensions:
            yield from self._declared_twice(inner["query"]["stmts"], ())
            after = [inner.get("term"), inner.get("key"), inner.get("value")]
            yield from self._query(inner["query"]["stmts"], after, bound)

    def _error(self, span: Tree, message: str) -> PolicySetError:
        return PolicySetError(message, Location(self._module.file, span["line"], span["col"]))


class _Parts:
    """What is in an expression: variables with their spans, those in brackets, comprehensions.

    `wildcards` are the places where `_` has no value, and what is wrong there. What is inside of a
    comprehension is left out.
    """

    def __init__(self, node: Any) -> None:
        self.variables: list[tuple[str, Tree]] = []
        self.indexed: list[str] = []
        self.comprehensions: list[Tree] = []
        self.wildcards: list[tuple[str, Tree]] = []
        self._add(node)

    def _add(self, node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                self._add(item)
        elif isinstance(node, dict):
            for key, below in node.items():
                self._add_key(key, below)

    def _add_key(self, key: str, below: Any) -> None:
        if key == "Var":
            self.variables.append((below["value"], below["span"]))
        elif key in _COMPREHENSIONS:
            self.comprehensions.append(below)
        elif key in ("RefDot", "RefBrack"):
            self._add_wildcard("a reference must not begin with _", below["refr"])
            self.indexed += _pattern(below.get("index"))
            self._add(below)
        elif key not in _NAMES:
            if key == "Call":
                params = below["params"]
                # The last one may be for the result: f(x, _).
                for argument in params[:-1] if len(params) > 1 else params:
                    self._add_wildcard("_ as an argument has no value", argument)
            self._add(below)

    def _add_wildcard(self, problem: str, node: Tree) -> None:
        if "Var" in node and node["Var"]["value"] == _WILDCARD:
            self.wildcards.append((problem, node["Var"]["span"]))


def _pattern(node: Any) -> Iterator[str]:
    """Yield the variables of a pattern: of a variable, an array or the values of an object."""
    if not node:
        return
    (kind, inner), *_ = node.items()
    if kind == "Var":
        yield inner["value"]
    elif kind == "Array":
        for item in inner["items"]:
            yield from _pattern(item)
    elif kind == "Object":
        for _, _, item in inner["fields"]:
            yield from _pattern(item)


def _indexes(reference: Tree) -> Iterator[Tree]:
    """Yield the brackets of the head of a rule."""
    while reference.keys() & {"RefDot", "RefBrack"}:
        (_, inner), *_ = reference.items()
        if "index" in inner:
            yield inner["index"]
        reference = inner["refr"]
