"""Refuse Rego that the engines read differently, or that quietly means nothing.

In: modules (text by file name) and data. Out: problems, each a PolicySetError with file, line and
column. Syntax is read from the tree that regorus gives. What is refused was measured on OPA 1.22
and regorus 0.13: see policies/README.md.
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
from policyd.policy_input import PolicyInput
from policyd.workloads.model import Workload

Tree = dict[str, Any]

INPUT_KEYS: Final = tuple(field.encode_name for field in msgspec.structs.fields(PolicyInput))

_MODEL_KEYS: Final = tuple(PROJECT.children.keys() - {"version", "include"})
"""Keys of the effective model: of a file's, those that Compose acts on and leaves out."""

_EMPTY_INPUT: Final[dict[str, Any]] = {
    "review": {},
    "constraints": {},
    "workloads": [],
    "project": {},
    "unresolved": [],
    "notEvaluated": [],
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
        """Say whether it holds rules of conftest, whose input is the effective model too."""
        return self.package.split(".")[1] != "policyd"

    def rule_lines(self) -> Iterator[tuple[str, int]]:
        """Yield the name and the line of each rule, as often as it is written."""
        for rule in self.tree["rules"]:
            (_, body), *_ = rule.items()
            yield _path(_head(rule))[0], body["span"]["line"]

    def results(self) -> Iterator[tuple[str, int, bool]]:
        """Yield the name and the line of each rule that takes no arguments; is it a set?"""
        for rule in self.tree["rules"]:
            (kind, body), *_ = rule.items()
            if kind == "Spec" and "Func" not in body["head"]:
                yield _path(_head(rule))[0], body["span"]["line"], "Set" in body["head"]


def parse(file: str, text: str) -> Module:
    """Return the module in `text`. Raises PolicySetError where it is not Rego."""
    try:
        tree = msgspec.json.decode(interpreter({file: text}, {}).get_ast_as_json())[0]["ast"]
    except RuntimeError as error:
        raise _refusal(error, file) from None
    rules: set[str] = set()
    functions: set[str] = set()
    for rule in tree["rules"]:
        (_, body), *_ = rule.items()
        is_function = "Func" in body.get("head", {}) or bool(body.get("args"))
        (functions if is_function else rules).add(_path(_head(rule))[0])
    imports = {}
    for item in tree["imports"]:
        path = ".".join(_path(item["refr"]))
        alias = _token(item["as"], text) if item.get("as") else path.rpartition(".")[2]
        imports[alias] = path
    package = ".".join(["data", *_path(tree["package"]["refr"])])
    return Module(file, package, imports, functions, rules, tree)


def compiles(modules: Mapping[str, str], data: Mapping[str, Any]) -> None:
    """Raise PolicySetError unless regorus can evaluate all of `modules`, on an empty input."""
    try:
        engine = interpreter(modules, data)
        engine.set_input_json(to_json(_EMPTY_INPUT).decode())
        engine.eval_query_as_json("data")
    except RuntimeError as error:
        raise _refusal(error, "") from None


def problems(
    modules: Mapping[str, Module], own: Mapping[str, Module], data: Mapping[str, Any]
) -> Iterator[PolicySetError]:
    """Yield what is wrong with `own`, some of `modules`, which may call each other."""
    known = _Known(modules.values(), data)
    for module in own.values():
        for rule in module.tree["rules"]:
            yield from _Rule(module, known, rule).problems()


def _head(rule: Tree) -> Tree:
    """Return the reference that a rule defines."""
    (kind, body), *_ = rule.items()
    reference: Tree = (body if kind == "Default" else next(iter(body["head"].values())))["refr"]
    return reference


def _refusal(error: BaseException, file: str) -> PolicySetError:
    sentence, where = explain(error)
    return PolicySetError(sentence, where or (Location(file) if file else None))


class _Known:
    """What references may lead to: packages with their names, and data."""

    def __init__(self, modules: Any, data: Mapping[str, Any]) -> None:
        self.functions: set[str] = set()
        self.names: dict[str, set[str]] = {}
        self.data = data
        for module in modules:
            self.functions |= {f"{module.package}.{name}" for name in module.functions}
            self.names.setdefault(module.package, set()).update(module.rules | module.functions)

    def leads_nowhere(self, path: list[str]) -> bool:
        """Say whether nothing can be at `path`, which begins with "data"."""
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
            for kind, node in _nodes(self.body)
            if kind == "SomeIn"
            and "Var" in node["value"]
            and _path(node["collection"]) == ["input", "workloads"]
        }

    def problems(self) -> Iterator[PolicySetError]:
        for kind, node in _nodes(self.body):
            if kind == "Call":
                yield from self._call(node)
            elif kind == "Var" and self.is_function and node["value"] in self.module.imports:
                yield self._at(
                    node,
                    f"in a function, {node['value']} is undefined to one engine: write "
                    f"{self.module.imports[node['value']]} in full",
                )
            elif kind == "RefDot":
                yield from self._reference(node)
            elif kind == "Number" and abs(node["value"]) >= _LARGEST:
                yield self._at(node, "a number above 2^63 is read differently by the engines")
            elif kind == "with":
                yield self._at(node, "`with` is for tests: it is slow, and hides the real input")
        yield from self._heads()

    def _call(self, node: Tree) -> Iterator[PolicySetError]:
        path = _path(node["fcn"])
        name = ".".join(path)
        absolute = ".".join([self.module.imports.get(path[0], path[0]), *path[1:]])
        if absolute.startswith("data."):
            if absolute not in self.known.functions:
                yield self._at(node["fcn"], f"there is no function {absolute}")
        elif len(path) == 1 and f"{self.module.package}.{name}" in self.known.functions:
            return
        elif name not in ALLOWED:
            reason = REFUSED.get(name) or REFUSED.get(f"{path[0]}.", "there is no such function")
            yield self._at(node["fcn"], f"{name} may not be used here: {reason}")
        elif name == "sprintf":
            yield from self._sprintf(node)
        elif name.startswith(("regex.", "glob.")):
            yield from self._pattern(node, name)

    def _sprintf(self, node: Tree) -> Iterator[PolicySetError]:
        text = _literal(node["params"][0])
        if text is None:
            yield self._at(node["fcn"], "the format of sprintf must stand there as a text")
            return
        verbs = _VERB.findall(text)
        for verb in verbs:
            if verb not in ("s", "d", "%") and not (verb == "v" and self.module.is_plain):
                yield self._at(
                    node["params"][0],
                    f"%{verb} prints differently: use %s for texts, %d for numbers",
                )
        values = node["params"][1].get("Array") if len(node["params"]) > 1 else None
        wanted = sum(verb != "%" for verb in verbs)
        if values is not None and len(values["items"]) != wanted:
            yield self._at(node["fcn"], f"{wanted} verbs are given {len(values['items'])} values")

    def _pattern(self, node: Tree, name: str) -> Iterator[PolicySetError]:
        at = 1 if name in ("regex.replace",) else 0
        pattern = node["params"][at] if len(node["params"]) > at else {}
        text = _literal(pattern)
        if name == "glob.match" and (text is None or "**" in text):
            yield self._at(node["fcn"], "glob.match takes a pattern that stands there, without **")
        elif text is not None and (found := _CLASS.search(text)):
            yield self._at(pattern, f"{found[0]} differs beyond ASCII: write the characters, [0-9]")

    def _reference(self, node: Tree) -> Iterator[PolicySetError]:
        path = _path({"RefDot": node})
        root = self.module.imports.get(path[0], path[0])
        absolute = [*root.split("."), *path[1:]]
        keys = INPUT_KEYS + (_MODEL_KEYS if self.module.is_plain else ())
        if absolute[0] == "input" and len(absolute) > 1 and absolute[1] not in keys:
            yield self._at(node, f"the input has no {absolute[1]}: it has {', '.join(keys)}")
        if path[0] in self.workloads and path[1] not in Workload.__struct_fields__:
            yield self._at(node, f"a workload has no {path[1]}")
        if absolute[0] == "data" and self.known.leads_nowhere(absolute):
            yield self._at(node, f"there is nothing at {'.'.join(absolute)}")

    def _heads(self) -> Iterator[PolicySetError]:
        """Look at heads with `else`: there regorus reads a reference by a variable as a loop."""
        bodies = self.body.get("bodies", [])
        if not any(body["is_else"] for body in bodies):
            return
        for head in [next(iter(self.body["head"].values())), *bodies]:
            for kind, node in _nodes(head.get("assign")):
                if kind == "RefBrack" and not node["index"].keys() & {"String", "Number"}:
                    yield self._at(
                        node,
                        "in the head of a rule with else, a reference by a variable gives several "
                        "values: bind it in the body",
                    )

    def _at(self, node: Tree, message: str) -> PolicySetError:
        inner = node if "span" in node else next(iter(node.values()))
        while "refr" in inner:
            inner = next(iter(inner["refr"].values()))
        span = inner["span"]
        return PolicySetError(message, Location(self.module.file, span["line"], span["col"]))


def _nodes(tree: Any) -> Iterator[tuple[str, Tree]]:
    """Yield each expression below `tree` and its kind; of a chain of references the whole once."""
    if isinstance(tree, list):
        for item in tree:
            yield from _nodes(item)
        return
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        if key == "with_mods":
            yield from (("with", mod) for mod in value)
        if isinstance(value, dict) and "span" in value and key[0].isupper():
            yield key, value
        if key == "Call":
            yield from _nodes(value["params"])
        elif key == "RefDot":
            yield from _below_chain(value)
        else:
            yield from _nodes(value)


def _below_chain(node: Tree) -> Iterator[tuple[str, Tree]]:
    """Yield what stands below a chain of fields: its root, unless that is just a name."""
    inner = node["refr"]
    while "RefDot" in inner:
        inner = inner["RefDot"]["refr"]
    yield from _nodes(inner)


def _path(reference: Tree) -> list[str]:
    """Return the names of a reference up to the first that is not fixed: ["data", "lib", "f"]."""
    (kind, node), *_ = reference.items()
    if kind == "Var":
        return [node["value"]]
    if kind == "RefDot":
        return [*_path(node["refr"]), node["field"][1]]
    if kind == "RefBrack":
        text = _literal(node["index"])
        return [*_path(node["refr"]), *([text] if text is not None else [])]
    return [""]


def _literal(node: Tree) -> str | None:
    for kind in ("String", "RawString"):
        if kind in node:
            return str(node[kind]["value"])
    return None


def _token(span: Tree, text: str) -> str:
    return text.encode()[span["start"] : span["end"]].decode()
