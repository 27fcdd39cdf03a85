"""Report Rego that the engines evaluate differently, and references that are always undefined.

In: modules (text by file name) and data. Out: problems, each a PolicySetError with file, line and
column. The checks work on the syntax tree of regorus. They cover the differences that were measured
between OPA 1.22 and regorus 0.13: see policies/README.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from policyd.compose.table.fields import PROJECT
from policyd.engines.embedded import explain, interpreter
from policyd.errors import PolicySetError
from policyd.model import Location, to_json
from policyd.policies.builtins import ALLOWED, REFUSED
from policyd.policies.nesting import check_nesting
from policyd.policies.replaced import replacement
from policyd.policy_input import PolicyInput
from policyd.workloads.model import Workload

Tree = dict[str, Any]

INPUT_KEYS: Final = tuple(field.encode_name for field in msgspec.structs.fields(PolicyInput))

_MODEL_KEYS: Final = tuple(PROJECT.children.keys() - {"version", "include"})
"""Keys of the effective model: the keys of a file, without those that Compose removes."""

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
_CLASS: Final = re.compile(r"\\[dDwWsSbB]")
_LARGEST: Final = 2**63


class Module(msgspec.Struct):
    """The syntax tree of one Rego file. `functions` and `rules` are names in its package."""

    file: str
    package: str
    imports: dict[str, str]
    functions: set[str]
    rules: set[str]
    tree: Tree

    @property
    def is_plain(self) -> bool:
        """Return whether the module holds plain conftest rules."""
        return self.package.split(".")[1] != "policyd"

    def rule_lines(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the line of each rule definition."""
        for rule in self.tree["rules"]:
            (_, body), *_ = rule.items()
            yield constant_path(head_of(rule))[0], body["span"]["line"]

    def results(self) -> Iterator[tuple[str, int, bool]]:
        """Yield each rule without arguments: its name, its line, and whether it defines a set."""
        for rule in self.tree["rules"]:
            (kind, body), *_ = rule.items()
            if kind == "Spec" and "Func" not in body["head"]:
                yield constant_path(head_of(rule))[0], body["span"]["line"], "Set" in body["head"]


def parse(file: str, text: str) -> Module:
    """Return the module in `text`. Raises PolicySetError when it is not valid Rego."""
    check_nesting(file, text)
    try:
        tree = msgspec.json.decode(interpreter({file: text}, {}).get_ast_as_json())[0]["ast"]
    except RuntimeError as error:
        raise _refusal(error, file) from None
    rules: set[str] = set()
    functions: set[str] = set()
    for rule in tree["rules"]:
        (_, body), *_ = rule.items()
        is_function = "Func" in body.get("head", {}) or bool(body.get("args"))
        (functions if is_function else rules).add(constant_path(head_of(rule))[0])
    imports = {}
    for item in tree["imports"]:
        path = ".".join(constant_path(item["refr"]))
        alias = _token(item["as"], text) if item.get("as") else path.rpartition(".")[2]
        imports[alias] = path
    package = ".".join(["data", *constant_path(tree["package"]["refr"])])
    return Module(file, package, imports, functions, rules, tree)


def compiles(modules: Mapping[str, str], data: Mapping[str, Any]) -> None:
    """Raise PolicySetError unless regorus can evaluate all of `modules` with an empty input."""
    try:
        engine = interpreter(modules, data)
        engine.set_input_json(to_json(_EMPTY_INPUT).decode())
        engine.eval_query_as_json("data")
    except RuntimeError as error:
        raise _refusal(error, "") from None


def problems(
    modules: Mapping[str, Module], own: Mapping[str, Module], data: Mapping[str, Any]
) -> Iterator[PolicySetError]:
    """Yield the problems of `own`. They may refer to all of `modules`."""
    known = _Known(modules.values(), data)
    for module in own.values():
        for rule in module.tree["rules"]:
            yield from _Rule(module, known, rule).problems()


def head_of(rule: Tree) -> Tree:
    """Return the reference in the head of a rule."""
    (kind, body), *_ = rule.items()
    reference: Tree = (body if kind == "Default" else next(iter(body["head"].values())))["refr"]
    return reference


def _refusal(error: BaseException, file: str) -> PolicySetError:
    sentence, where = explain(error)
    return PolicySetError(sentence, where or (Location(file) if file else None))


class _Known:
    """The targets of references: the rules and functions of packages, and data."""

    def __init__(self, modules: Any, data: Mapping[str, Any]) -> None:
        self.functions: set[str] = set()
        self.names: dict[str, set[str]] = {}
        self.data = data
        for module in modules:
            self.functions |= {f"{module.package}.{name}" for name in module.functions}
            self.names.setdefault(module.package, set()).update(module.rules | module.functions)

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
        self.workloads = {
            node["value"]["Var"]["value"]
            for kind, node in nodes(self.body)
            if kind == "SomeIn"
            and "Var" in node["value"]
            and constant_path(node["collection"]) == ["input", "workloads"]
        }

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
            elif kind == "Number" and abs(node["value"]) >= _LARGEST:
                yield self._at(node, "the engines read numbers above 2^63 differently")
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
                yield self._at(node["fcn"], f"unknown function {absolute}{replacement(absolute)}")
        elif len(path) == 1 and f"{self.module.package}.{name}" in self.known.functions:
            return
        elif name not in ALLOWED:
            reason = REFUSED.get(name) or REFUSED.get(f"{path[0]}.", "unknown function")
            yield self._at(node["fcn"], f"{name} is not allowed: {reason}")
        elif name == "sprintf":
            yield from self._sprintf(node)
        elif name.startswith(("regex.", "glob.")):
            yield from self._pattern(node, name)

    def _sprintf(self, node: Tree) -> Iterator[PolicySetError]:
        text = _literal(node["params"][0])
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

    def _pattern(self, node: Tree, name: str) -> Iterator[PolicySetError]:
        at = 1 if name in ("regex.replace",) else 0
        pattern = node["params"][at] if len(node["params"]) > at else {}
        text = _literal(pattern)
        if name == "glob.match" and (text is None or "**" in text):
            yield self._at(
                node["fcn"], "the pattern of glob.match must be a string literal without **"
            )
        elif text is not None and (found := _CLASS.search(text)):
            yield self._at(
                pattern,
                f"the engines match {found[0]} differently beyond ASCII; write [0-9] or similar",
            )

    def _reference(self, node: Tree) -> Iterator[PolicySetError]:
        path = constant_path({"RefDot": node})
        root = self.module.imports.get(path[0], path[0])
        absolute = [*root.split("."), *path[1:]]
        keys = INPUT_KEYS + (_MODEL_KEYS if self.module.is_plain else ())
        if absolute[0] == "input" and len(absolute) > 1 and absolute[1] not in keys:
            yield self._at(
                node, f"unknown input key {absolute[1]}; valid keys are {', '.join(keys)}"
            )
        if path[0] in self.workloads and path[1] not in Workload.__struct_fields__:
            yield self._at(node, f"unknown workload key {path[1]}")
        if absolute[0] == "data" and self.known.leads_nowhere(absolute):
            name = ".".join(absolute)
            yield self._at(node, f"{name} is always undefined{replacement(name)}")

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
        inner = node if "span" in node else next(iter(node.values()))
        while "refr" in inner:
            inner = next(iter(inner["refr"].values()))
        span = inner["span"]
        return PolicySetError(message, Location(self.module.file, span["line"], span["col"]))


def nodes(tree: Any) -> Iterator[tuple[str, Tree]]:
    """Yield each expression below `tree` with its kind. A chain of references is one expression."""
    if isinstance(tree, list):
        for item in tree:
            yield from nodes(item)
        return
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key == "with_mods":
            yield from (("with", mod) for mod in value)
        if isinstance(value, dict) and "span" in value and key[0].isupper():
            yield key, value
        if key == "Call":
            yield from nodes(value["params"])
        elif key == "RefDot":
            yield from _below_chain(value)
        else:
            yield from nodes(value)


def _below_chain(node: Tree) -> Iterator[tuple[str, Tree]]:
    """Yield the expressions in the root of a chain of references, unless it is a name."""
    inner = node["refr"]
    while "RefDot" in inner:
        inner = inner["RefDot"]["refr"]
    yield from nodes(inner)


def constant_path(reference: Tree) -> list[str]:
    """Return the constant prefix of a reference: ["data", "lib", "f"]."""
    (kind, node), *_ = reference.items()
    if kind == "Var":
        return [node["value"]]
    if kind == "RefDot":
        return [*constant_path(node["refr"]), node["field"][1]]
    if kind == "RefBrack":
        text = _literal(node["index"])
        return [*constant_path(node["refr"]), *([text] if text is not None else [])]
    return [""]


def _literal(node: Tree) -> str | None:
    for kind in ("String", "RawString"):
        if kind in node:
            return str(node[kind]["value"])
    return None


def _token(span: Tree, text: str) -> str:
    return text.encode()[span["start"] : span["end"]].decode()
