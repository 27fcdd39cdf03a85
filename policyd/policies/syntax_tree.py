"""The syntax tree of Rego files, as regorus returns it.

In: the text of a Rego file. Out: Module, and functions that walk its tree. Errors: PolicySetError,
with file, line and column, for text that is not valid Rego.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import takewhile
from typing import Any, Final

import msgspec

from policyd.engines.embedded import explain, interpreter
from policyd.errors import PolicySetError
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Location
from policyd.policies.nesting import check_nesting
from policyd.policies.syntax_hints import syntax_hint

Tree = dict[str, Any]
KEPT_MODULES: Final = 128
"""Parsed modules that a process keeps: a policy set that is loaded again has few new ones."""
TOO_DEEP: Final = "an expression has too many parts; use variables or functions for some of them"
_WITHOUT_IF: Final = "`if` keyword is required"
"""What regorus reports of a rule in the syntax of Rego v0."""

_REFUSED: Final = lazy_pattern("[\0\ufeff]")
_QUOTES: Final = (b'"', b"`")


class Module(msgspec.Struct, eq=False):
    """The syntax tree of one Rego file, never changed. `functions` and `rules` are its names."""

    file: str
    package: str
    imports: dict[str, str]
    functions: set[str]
    rules: set[str]
    tree: Tree
    text: str = ""

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


@lru_cache(maxsize=KEPT_MODULES)
def parse(file: str, text: str) -> Module:
    """Return the module in `text`. Raises PolicySetError when it is not valid Rego."""
    _check_characters(file, text)
    check_nesting(file, text)
    try:
        with refusing(file):
            tree = msgspec.json.decode(interpreter({file: text}, {}).get_ast_as_json())[0]["ast"]
    except PolicySetError as problem:
        where = problem.where or Location(file)
        hint = syntax_hint(text, where, problem.message)
        raise PolicySetError(f"{problem.message}{hint}", where) from None
    rules: set[str] = set()
    functions: set[str] = set()
    for rule in tree["rules"]:
        (_, body), *_ = rule.items()
        is_function = "Func" in body.get("head", {}) or bool(body.get("args"))
        (functions if is_function else rules).add(constant_path(head_of(rule))[0])
    imports = {}
    for item in tree["imports"]:
        path = ".".join(constant_path(item["refr"]))
        alias = token(item["as"], text) if item.get("as") else path.rpartition(".")[2]
        imports[alias] = path
    package = ".".join(["data", *constant_path(tree["package"]["refr"])])
    return Module(file, package, imports, functions, rules, tree, text)


def _check_characters(file: str, text: str) -> None:
    """Raise PolicySetError for a character that OPA refuses, and that regorus reads differently.

    regorus ignores everything after a null character.
    """
    found = _REFUSED.search(text)
    if found:
        before = text[: found.start()]
        where = Location(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        name = "a null character" if found[0] == "\0" else "a byte order mark"
        raise PolicySetError(f"the file has {name}; remove it: OPA refuses it", where)


def head_of(rule: Tree) -> Tree:
    """Return the reference in the head of a rule."""
    (kind, body), *_ = rule.items()
    reference: Tree = (body if kind == "Default" else next(iter(body["head"].values())))["refr"]
    return reference


def place(node: Tree, file: str) -> Location:
    """Return where an expression begins."""
    inner = node if "span" in node else next(iter(node.values()))
    while "refr" in inner:
        inner = next(iter(inner["refr"].values()))
    span = inner["span"]
    return Location(file, span["line"], span["col"])


def source(node: Tree, module: Module, whole: bool = False) -> str:
    """Return the text of an expression: all of it, or one line without the middle of a long one."""
    (_, inner), *_ = node.items()
    start, end = inner["span"]["start"], inner["span"]["end"]
    text = module.text.encode()
    if inner.get("fields"):  # regorus lets the span of an object begin at its last key
        start = text.rindex(b"{", 0, inner["fields"][0][0]["start"])
    # regorus leaves the quotes of a string at either end out of the span.
    start -= text[start - 1 : start] in _QUOTES
    end += text[end : end + 1] in _QUOTES
    written = text[start:end].decode()
    if whole:
        return written
    line = " ".join(written.split())
    return line if len(line) <= 60 else f"{line[:40]} … {line[-15:]}"


def depth(tree: Any) -> int:
    """Return how many levels `tree` has."""
    level, deepest = [tree], 0
    while level:
        deepest += 1
        level = [
            below
            for node in level
            for below in (node.values() if isinstance(node, dict) else node)
            if isinstance(below, dict | list)
        ]
    return deepest


def nodes(tree: Any) -> Iterator[tuple[str, Tree]]:
    """Yield each expression below `tree` with its kind. A chain of references is one expression."""
    pending = [tree]
    while pending:
        item = pending.pop()
        if isinstance(item, tuple):
            yield item
        elif isinstance(item, list):
            pending.extend(reversed(item))
        elif isinstance(item, dict):
            pending.extend(reversed([part for key in item for part in _parts(key, item[key])]))


def _parts(kind: str, node: Any) -> Iterator[Any]:
    """Yield `node` as an expression if it is one, and what below it holds expressions."""
    if kind == "span" or not isinstance(node, dict | list):
        return
    if kind == "with_mods":
        yield from (("with", mod) for mod in node)
    if isinstance(node, dict) and "span" in node and kind[0].isupper():
        yield kind, node
    if kind == "Call":
        yield node["params"]
    elif kind == "RefDot":
        yield _root(node)
    else:
        yield node


def _root(node: Tree) -> Tree:
    """Return what a chain of references starts from."""
    inner: Tree = node["refr"]
    while "RefDot" in inner:
        inner = inner["RefDot"]["refr"]
    return inner


def constant_path(reference: Tree) -> list[str]:
    """Return the constant prefix of a reference: ["data", "lib", "f"]."""
    keys: list[str | None] = []
    while reference.keys() & {"RefDot", "RefBrack"}:
        (_, node), *_ = reference.items()
        keys.append(node["field"][1] if "field" in node else literal(node["index"]))
        reference = node["refr"]
    root = reference["Var"]["value"] if "Var" in reference else ""
    return [root, *(key for key in takewhile(lambda key: key is not None, reversed(keys)) if key)]


def step_key(step: Tree) -> str | None:
    """Return the constant key of one step of a reference."""
    return step["field"][1] if "field" in step else literal(step["index"])


def operands(kind: str, node: Tree) -> list[Tree]:
    """Return the expressions that are evaluated before an expression of `kind`."""
    if kind == "Call":
        return list(node["params"])
    if kind in ("Array", "Set"):
        return list(node["items"])
    if kind == "Object":
        return [part for _, *parts in node["fields"] for part in parts]
    names = ("lhs", "rhs", "key", "value", "collection", "expr")
    if kind in ("AssignExpr", "BoolExpr", "ArithExpr", "BinExpr", "Membership", "UnaryExpr"):
        return [node[name] for name in names if node.get(name)]
    return []


def reference_length(reference: Tree) -> int:
    """Return the number of names and keys in a reference."""
    length = 1
    while reference.keys() & {"RefDot", "RefBrack"}:
        (_, inner), *_ = reference.items()
        reference, length = inner["refr"], length + 1
    return length


def literal(node: Tree) -> str | None:
    for kind in ("String", "RawString"):
        if kind in node:
            return str(node[kind]["value"])
    return None


def token(span: Tree, text: str) -> str:
    return text.encode()[span["start"] : span["end"]].decode()


@contextmanager
def refusing(file: str = "") -> Iterator[None]:
    """Turn the errors of regorus in the block into a PolicySetError, by default in `file`."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        raise
    except RecursionError:
        raise PolicySetError(TOO_DEEP, Location(file) if file else None) from None
    except BaseException as error:  # noqa: BLE001 (a panic of regorus is not an Exception)
        sentence, where = explain(error)
        if _WITHOUT_IF in sentence:
            sentence += "; Rego v0 is not supported: convert it with `opa fmt --write --v0-v1`"
        raise PolicySetError(sentence, where or (Location(file) if file else None)) from None
