"""Report Rego that the engines evaluate differently, and references that are always undefined.

In: modules (text by file name) and data. Out: problems, each a PolicySetError with file, line and
column. The checks work on the syntax tree of regorus. They cover the differences that were measured
between OPA 1.22 and regorus 0.13: see policies/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from policyd.engines.embedded import interpreter
from policyd.errors import PolicySetError
from policyd.model import to_json
from policyd.policies.builtins import ALLOWED, REFUSED
from policyd.policies.differences import differences
from policyd.policies.inference import Inference
from policyd.policies.input_shapes import Parameters, input_value, plain_input_value
from policyd.policies.other_languages import instead_of_call, instead_of_document
from policyd.policies.packs import POLICY_PACKAGE
from policyd.policies.removed_names import replacement
from policyd.policies.rule_kinds import rule_conflicts
from policyd.policies.safety import unsafe_variables
from policyd.policies.shapes import Value
from policyd.policies.syntax_tree import (
    Module,
    Tree,
    constant_path,
    literal,
    nodes,
    place,
    refusing,
)
from policyd.suggestion import did_you_mean

_EMPTY_INPUT: Final[dict[str, Any]] = {
    "review": {},
    "constraints": {},
    "workloads": [],
    "project": {},
    "unresolved": [],
    "notEvaluated": [],
    "requestedProfiles": [],
}
_VERB: Final = re.compile(r"%(.?)", re.DOTALL)


def compiles(modules: Mapping[str, str], data: Mapping[str, Any]) -> None:
    """Raise PolicySetError unless regorus can evaluate all of `modules` with an empty input."""
    with refusing():
        engine = interpreter(modules, data)
        engine.set_input_json(to_json(_EMPTY_INPUT).decode())
        engine.eval_query_as_json("data")


def problems(
    modules: Mapping[str, Module],
    own: Mapping[str, Module],
    data: Mapping[str, Any],
    policies: Parameters | None = None,
    *,
    knows_input: bool = True,
) -> Iterator[PolicySetError]:
    """Yield the problems of `own`. They may refer to all of `modules`.

    `policies` has the schemas of the parameters of each policy, if they are known. `knows_input`
    says whether the modules get the input of policies, whose schema is known.
    """
    known = _Known(modules.values(), data)
    for module in own.values():
        for rule in module.tree["rules"]:
            yield from _Rule(module, known, rule).problems()
    yield from differences(own)
    yield from unsafe_variables(modules, own.values())
    yield from rule_conflicts(modules.values())
    inference = Inference(modules.values(), _input_of(policies or {}, knows_input), data)
    yield from inference.problems(own.values())


def _input_of(policies: Parameters, is_known: bool) -> Callable[[Module], Value]:
    """Return the function that returns the value of `input` for a module."""
    if not is_known:
        return lambda _: None
    plain, usual = plain_input_value(policies), input_value(policies)
    # A policy reads its own constraints only: those of another policy match other reviews.
    of_policies = {
        f"data.{POLICY_PACKAGE}{name.replace('-', '_')}": input_value({name: parameters})
        for name, parameters in policies.items()
    }
    return lambda module: plain if module.is_plain else of_policies.get(module.package, usual)


class _Known:
    """The targets of references: the rules and functions of packages, and data."""

    def __init__(self, modules: Any, data: Mapping[str, Any]) -> None:
        self.functions: set[str] = set()
        self.names: dict[str, set[str]] = {}
        self.data = data
        for module in modules:
            self.functions |= {f"{module.package}.{name}" for name in module.functions}
            self.names.setdefault(module.package, set()).update(module.rules | module.functions)

    @cached_property
    def paths(self) -> list[str]:
        """The full names of rules, and the documents of data two levels deep."""
        rules = [f"{package}.{name}" for package, names in self.names.items() for name in names]
        below = (value if isinstance(value, dict) else {} for value in self.data.values())
        documents = zip(self.data, below, strict=True)
        return [*rules, *(f"data.{root}.{key}" for root, keys in documents for key in keys)]

    def leads_nowhere(self, path: list[str]) -> bool:
        """Return whether `path`, which begins with "data", is always undefined."""
        for length in range(len(path), 1, -1):
            package = ".".join(path[:length])
            if package in self.names:
                return length < len(path) and path[length] not in self.names[package]
        if any(name.startswith(".".join(path) + ".") for name in self.names):
            return False
        value: Any = self.data
        for key in path[1:]:
            if isinstance(value, dict) and key not in value:
                return True
            value = value.get(key) if isinstance(value, dict) else None
        return False


class _Rule:
    def __init__(self, module: Module, known: _Known, rule: Tree) -> None:
        self.module = module
        self.known = known
        (self.kind, self.body), *_ = rule.items()
        self.is_function = "Func" in self.body.get("head", {})

    def problems(self) -> Iterator[PolicySetError]:
        for kind, node in nodes(self.body):
            if kind == "Call":
                yield from self._call(node)
            elif kind == "Var" and self.is_function and node["value"] in self.module.imports:
                yield self._at(
                    node,
                    f"in a function, one engine does not resolve the import {node['value']}; write "
                    f"{self.module.imports[node['value']]} instead",
                )
            elif kind == "RefDot":
                yield from self._reference(node)
            elif kind == "with":
                yield self._at(
                    node, "`with` is only allowed in tests: it is slow and hides the real input"
                )
        yield from self._heads()

    def _call(self, node: Tree) -> Iterator[PolicySetError]:
        path = constant_path(node["fcn"])
        name = ".".join(path)
        absolute = ".".join([self.module.imports.get(path[0], path[0]), *path[1:]])
        if absolute.startswith("data."):
            if absolute not in self.known.functions:
                hint = replacement(absolute) or did_you_mean(absolute, self.known.functions)
                yield self._at(node["fcn"], f"unknown function {absolute}{hint}")
        elif len(path) == 1 and f"{self.module.package}.{name}" in self.known.functions:
            return
        elif name not in ALLOWED:
            reason = REFUSED.get(name) or REFUSED.get(f"{path[0]}.")
            own = self.module.functions
            yield self._at(
                node["fcn"],
                f"{name} is not allowed: {reason}"
                if reason
                else f"unknown function {name}{instead_of_call(path, own)}",
            )
        elif name == "sprintf":
            yield from self._sprintf(node)

    def _sprintf(self, node: Tree) -> Iterator[PolicySetError]:
        text = literal(node["params"][0])
        if text is None:
            yield self._at(node["fcn"], "the format of sprintf must be a string literal")
            return
        verbs = _VERB.findall(text)
        for verb in verbs:
            if verb not in ("s", "d", "%") and not (verb == "v" and self.module.is_plain):
                yield self._at(
                    node["params"][0],
                    f"the engines format %{verb} differently; use %s for strings, %d for numbers",
                )
        values = node["params"][1].get("Array") if len(node["params"]) > 1 else None
        wanted = sum(verb != "%" for verb in verbs)
        if values is not None and len(values["items"]) != wanted:
            given = len(values["items"])
            yield self._at(node["fcn"], f"the format needs {wanted} values, but {given} are given")

    def _reference(self, node: Tree) -> Iterator[PolicySetError]:
        path = constant_path({"RefDot": node})
        root = self.module.imports.get(path[0], path[0])
        absolute = [*root.split("."), *path[1:]]
        if absolute[0] == "data" and self.known.leads_nowhere(absolute):
            name = ".".join(absolute)
            hint = replacement(name) or instead_of_document(name, self.known.paths)
            yield self._at(node, f"{name} is always undefined{hint}")

    def _heads(self) -> Iterator[PolicySetError]:
        """Check heads with `else`: regorus evaluates a reference by a variable there as a loop."""
        bodies = self.body.get("bodies", [])
        if not any(body["is_else"] for body in bodies):
            return
        for head in [next(iter(self.body["head"].values())), *bodies]:
            for kind, node in nodes(head.get("assign")):
                if kind == "RefBrack" and not node["index"].keys() & {"String", "Number"}:
                    yield self._at(
                        node,
                        "in the head of a rule with else, one engine returns several values for a "
                        "reference by a variable; assign it to a variable in the body",
                    )

    def _at(self, node: Tree, message: str) -> PolicySetError:
        return PolicySetError(message, place(node, self.module.file))
