"""Find rules and functions that depend on themselves, or on a chain of rules that is too deep.

In: the syntax trees of all modules of a policy set. Out: a PolicySetError for each cycle, with its
path, or for a chain that is too deep. OPA refuses recursion when it compiles
(rego_recursion_error); regorus does not. It evaluates calls, loops and comprehensions by native
recursion, and ends its process with a stack overflow when there are too many inside each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from policyd.errors import PolicySetError
from policyd.model import Location
from policyd.policies.syntax_tree import KEPT_MODULES, Module, constant_path, head_of, nodes

MAX_DEPTH: Final = 500
"""Calls, loops and comprehensions from a rule to the end of the deepest chain that it begins.

The policies that come with policyd have at most 49. regorus 0.13 needs about 4 KiB of stack for
each; a stack of 8 MiB holds 16 KiB for each.
"""

_RECURSIVE: Final = frozenset(
    {"SomeIn", "Every", "RefBrack", "Call", "ArrayCompr", "SetCompr", "ObjectCompr"}
)
"""The kinds of nodes that regorus evaluates by native recursion, even side by side in a body."""


def dependency_problems(modules: Mapping[str, Module]) -> Iterator[PolicySetError]:
    """Yield an error for each cycle, and for each chain that exceeds MAX_DEPTH.

    The place of a cycle is the first rule of it in the order of the files; the place of a chain is
    the last rule from which on it is too deep.
    """
    graph = _Graph(modules)
    finished: dict[str, None] = {}
    for start in graph.places:
        if start not in finished:
            yield from _search(graph, start, finished)
    depths: dict[str, int] = {}
    for name in finished:
        below = max((depths.get(target, 0) for target in graph.targets(name)), default=0)
        depths[name] = graph.weights[name] + below
        if below <= MAX_DEPTH < depths[name]:
            yield PolicySetError(
                f"the rule {name.removeprefix('data.')} and the rules that it depends on are too "
                f"deep to be evaluated safely: {depths[name]} calls, loops and comprehensions, "
                f"more than {MAX_DEPTH}",
                graph.places[name],
            )


def _search(graph: _Graph, start: str, finished: dict[str, None]) -> Iterator[PolicySetError]:
    """Walk from `start`, depth first and without recursion, and yield an error for each cycle."""
    path = [start]
    on_path = {start}
    pending = [iter(graph.targets(start))]
    while pending:
        target = next(pending[-1], None)
        if target is None:
            pending.pop()
            on_path.discard(path[-1])
            finished[path.pop()] = None
        elif target in on_path:
            cycle = [*path[path.index(target) :], target]
            shown = " → ".join(name.removeprefix("data.") for name in cycle)
            yield PolicySetError(f"a rule must not depend on itself: {shown}", graph.places[target])
        elif target not in finished:
            path.append(target)
            on_path.add(target)
            pending.append(iter(graph.targets(target)))


class _Graph:
    """Which rule refers to which. Rules are named by their full path: data.policyd.lib.x.rule."""

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self.places: dict[str, Location] = {}
        self.weights: dict[str, int] = {}
        self._references: dict[str, set[str]] = {}
        packages: dict[str, set[str]] = {}
        for module in modules.values():
            packages.setdefault(module.package, set()).update(module.rules | module.functions)
        for module in modules.values():
            for rule in _rules(module, frozenset(packages[module.package])):
                self.places.setdefault(rule.name, rule.place)
                self.weights[rule.name] = max(rule.weight, self.weights.get(rule.name, 0))
                self._references.setdefault(rule.name, set()).update(rule.references)

    def targets(self, name: str) -> list[str]:
        """Return the rules that `name` refers to. A reference to a package means all its rules."""
        found = set()
        for reference in self._references.get(name, ()):
            parts = reference.split(".")
            exact = [".".join(parts[:size]) for size in range(len(parts), 1, -1)]
            rule = next((one for one in exact if one in self.places), None)
            if rule:
                found.add(rule)
            else:
                found |= {one for one in self.places if one.startswith(f"{reference}.")}
        return sorted(found)


class _Rule(NamedTuple):
    name: str
    place: Location
    weight: int
    references: frozenset[str]


@lru_cache(maxsize=KEPT_MODULES)
def _rules(module: Module, own: frozenset[str]) -> tuple[_Rule, ...]:
    """Return the definitions in `module`, in a package with the rules and functions `own`."""
    return tuple(
        _Rule(
            name=f"{module.package}.{constant_path(head_of(rule))[0]}",
            place=_location(module, rule),
            weight=1 + sum(kind in _RECURSIVE for kind, _ in nodes(rule)),
            references=frozenset(_references(module, rule, own)),
        )
        for rule in module.tree["rules"]
    )


def _references(module: Module, rule: dict[str, Any], own: frozenset[str]) -> Iterator[str]:
    """Yield the absolute paths that the body and the head of `rule` refer to."""
    (_, body), *_ = rule.items()
    local = _local_names(body)
    head = head_of(rule)
    rest = {key: value for key, value in body.items() if value is not head}
    for path in _paths({**rest, "head": _without_reference(body.get("head", {}), head)}):
        if path[0] in local:
            continue
        if path[0] in own:
            yield f"{module.package}.{path[0]}"
        elif path[0] == "data" or path[0] in module.imports:
            yield ".".join([module.imports.get(path[0], path[0]), *path[1:]])


def _paths(tree: Any) -> Iterator[list[str]]:
    """Yield the constant prefix of each reference in `tree`, also of those in its indexes."""
    if isinstance(tree, list):
        for item in tree:
            yield from _paths(item)
    elif isinstance(tree, dict):
        for key, value in tree.items():
            if key in ("Var", "RefDot", "RefBrack"):
                yield constant_path({key: value})
                yield from _in_chain({key: value})
            else:
                yield from _paths(value)


def _in_chain(node: Any) -> Iterator[list[str]]:
    """Yield the references in the indexes of a chain, and those in its root unless it is a name."""
    while node.keys() & {"RefDot", "RefBrack"}:
        (kind, inner), *_ = node.items()
        if kind == "RefBrack":
            yield from _paths(inner["index"])
        node = inner["refr"]
    if "Var" not in node:
        yield from _paths(node)


def _without_reference(head: dict[str, Any], reference: Any) -> dict[str, Any]:
    """Return `head` without the name that it defines, which is no reference to a rule."""
    return {
        kind: {key: value for key, value in part.items() if value is not reference}
        for kind, part in head.items()
        if isinstance(part, dict)
    }


def _local_names(body: dict[str, Any]) -> set[str]:
    """Return the variables that `body` declares: arguments, `some`, `every` and `:=`."""
    found: set[str] = set()
    for part in body.get("head", {}).values():
        found |= _variables(part.get("args", [])) if isinstance(part, dict) else set()
    for kind, node in nodes(body):
        if kind == "SomeIn":
            found |= _variables([node["key"], node["value"]])
        elif kind == "AssignExpr" and node["op"] == "ColEq":
            found |= _variables(node["lhs"])
    return found


def _variables(tree: Any) -> set[str]:
    return {node["value"] for kind, node in nodes(tree) if kind == "Var"}


def _location(module: Module, rule: dict[str, Any]) -> Location:
    (_, body), *_ = rule.items()
    return Location(module.file, body["span"]["line"], body["span"]["col"])
