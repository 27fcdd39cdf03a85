"""Compile the rules and functions of a policy set that consist of simple statements.

In: the modules and the data of a policy set. Out: generated functions that return the values of
rules, as an engine would. Raises Doubt for what is not simple: for rules with defaults, for
recursion, and where packages, data or other files may add to a rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from policyd.lazy_pattern import lazy_pattern
from policyd.policies.rego_values import UNDEFINED, Doubt, RegoSet, Undefined
from policyd.policies.simple_reader import Reader
from policyd.policies.simple_source import Namespace, object_of
from policyd.policies.simple_syntax import variable
from policyd.policies.syntax_tree import Module, Tree, head_of, parse

_NO_VALUE: Final[Tree] = {"value": {"Bool": {"value": True}}}
_NO_CONDITION: Final[Tree] = {"query": {"stmts": []}, "is_else": False}
MAX_RULES: Final = 12
"""Rules that need each other one after the other: each takes some ten calls in Python."""
ANYTHING: Final = Undefined()
_PACKAGE: Final = lazy_pattern(r"^[ \t]*package[ \t]+([^\s;#]+)", re.MULTILINE)
_PLAIN_PACKAGE: Final = lazy_pattern(
    r"(?:[ \t\r]*(?:#[^\n]*)?\n)*[ \t]*package[ \t]+[\w.]+[ \t\r]*(?:[\n;#]|\Z)"
)
"""The beginning of a module whose package is written on one line and without brackets."""


class PolicySetRules:
    """The rules of a policy set. Threads may share it."""

    def __init__(self, modules: Mapping[str, str], data: Mapping[str, Any]) -> None:
        self._modules = modules
        self._data = data
        self.files: dict[str, list[str]] = {}
        """The files of each package."""
        for file, text in modules.items():
            for package in _PACKAGE.findall(text):
                self.files.setdefault(package, []).append(file)
        self._are_packages_known = all(map(_PLAIN_PACKAGE.match, modules.values()))
        self.namespace = Namespace()
        self._depth = 0
        self._compiled: dict[tuple[str, str], tuple[str, int] | None] = {}
        """Generated functions, with the numbers of their arguments, by package and name of rules.

        None for rules that are not simple.
        """

    def of_package(self, package: str) -> Iterator[Module]:
        """Yield the modules of `package`."""
        for file in self.files.get(package, ()):
            module = parse(file, self._modules[file])
            if module.package != f"data.{package}":
                raise Doubt
            yield module

    def place(self, steps: Sequence[str]) -> tuple[str, str] | None:
        """Return the package and the name of the rule to which the path `steps` leads.

        None if it is a path of data that no package can add to.
        """
        if not steps or not self._are_packages_known:
            raise Doubt
        path = f"{'.'.join(steps)}."
        around = [name for name in self.files if f"{name}.".startswith(path)]
        within = [name for name in self.files if path.startswith(f"{name}.")]
        if not around and not within:
            return None
        if len(within) != 1 or around:
            raise Doubt
        (package,) = within
        name = steps[package.count(".") + 1]
        rule = f"{package}.{name}."
        is_data = self.data(rule.split(".")[:-1]) is not UNDEFINED
        if is_data or any(f"{other}.".startswith(rule) for other in self.files):
            raise Doubt
        return package, name

    def data(self, steps: Sequence[str]) -> Any:
        """Return the data at `steps`."""
        value: Any = self._data
        for key in steps:
            value = value.get(key, UNDEFINED) if isinstance(value, dict) else UNDEFINED
        return value

    def compiled(self, package: str, name: str, arguments: int = 0) -> str:
        """Return the generated function of the rule or function `name` of `package`."""
        place = package, name
        if place not in self._compiled:
            self._compiled[place] = None  # a rule that needs itself is not simple
            self._depth += 1
            with suppress(Doubt):
                if self._depth <= MAX_RULES:
                    self._compiled[place] = self._compile(package, name)
            self._depth -= 1
        found = self._compiled[place]
        if found is None or found[1] != arguments:
            raise Doubt
        return found[0]

    def definitions(self, package: str, name: str) -> Iterator[tuple[Module, Tree]]:
        """Yield the definitions of the rule, each with its module."""
        for module in self.of_package(package):
            for rule in module.tree["rules"]:
                if _name(head_of(rule)) == name:
                    yield module, rule

    def _compile(self, package: str, name: str) -> tuple[str, int]:
        """Return the generated function of a rule, and the number of its arguments."""
        kinds, counts, defining = set(), set(), []
        for module, rule in self.definitions(package, name):
            (kind, definition), *_ = rule.items()
            if kind != "Spec":
                raise Doubt
            (kind, head), *_ = definition["head"].items()
            key = _only_index(head["refr"])
            kinds.add((kind, key is not None))
            counts.add(len(head["args"]) if kind == "Func" else 0)
            read = self._value if kind != "Set" and key is None else self._rows
            defining.append(read(module, definition))
        if len(kinds) != 1 or len(counts) != 1:
            raise Doubt
        (how,), (count,) = kinds, counts
        parameters = _parameters(count)
        together = _TOGETHER.get(how)
        if how == ("Func", True):
            raise Doubt
        if together is None:
            lines = [f"if {each} is UNDEFINED: return UNDEFINED" for each in parameters[1:]]
            lines += ["scope.effort -= 1", "if scope.effort < 0: raise Doubt"]
            lines += self._one_value(defining, parameters)
        else:
            made = [self.namespace.define(parameters, each) for each in defining]
            rows = "".join(f"*{each}(scope), " for each in made)
            lines = [f"return {self.namespace.name(together)}([{rows}])"]
        return self.namespace.define(parameters, lines), count

    def _one_value(
        self, defining: Sequence[Sequence[str]], parameters: Sequence[str]
    ) -> Sequence[str]:
        """Return the lines of a function that returns the common value of the definitions."""
        if len(defining) == 1:
            return defining[0]
        made = [self.namespace.define(parameters, each) for each in defining]
        calls = [f"{each}({', '.join(parameters)})" for each in made]
        lines = [f"found = {calls[0]}"]
        for call in calls[1:]:
            lines.append(f"other = {call}")
            lines.append("if other is not UNDEFINED: found = same(found, other)")
        return [*lines, "return found"]

    def _value(self, module: Module, definition: Tree) -> list[str]:
        """Return the lines of a function for one definition of a rule that has one value.

        The bodies are those after each `else`: each is evaluated if those before do not hold.
        """
        (kind, head), *_ = definition["head"].items()
        variables, lines = {}, []
        arguments = head["args"] if kind == "Func" else []
        for number, argument in enumerate(arguments):
            name, constant = _argument(argument)
            if name in variables:
                raise Doubt
            if name:
                variables[name] = f"a{number}"
            elif constant is not ANYTHING:
                known = self.namespace.name(constant)
                lines.append(f"if not is_equal(a{number}, {known}): return UNDEFINED")
        written: list[Tree] = definition["bodies"] or [_NO_CONDITION]
        for body in written:
            reader = Reader(ModuleRules(self, module), variables)
            reader.read(body["query"]["stmts"])
            value = body["assign"] if body["is_else"] else head["assign"]
            code = reader.expression(value["value"]) if value else "True"
            reader.block.add(
                f"found = same(found, {code})" if reader.block.loops else f"found = {code}"
            )
            lines += ["found = UNDEFINED", *reader.block.lines]
            lines.append("if found is not UNDEFINED: return found")
        return [*lines, "return UNDEFINED"]

    def _rows(self, module: Module, definition: Tree) -> list[str]:
        """Return the lines of a function that lists what a definition adds to a set or object."""
        (kind, head), *_ = definition["head"].items()
        bodies: list[Tree] = definition["bodies"] or [_NO_CONDITION]
        if len(bodies) > 1 or bodies[0]["is_else"]:
            raise Doubt
        reader = Reader(ModuleRules(self, module))
        reader.read(bodies[0]["query"]["stmts"])
        value = head["key"] if kind == "Set" else (head["assign"] or _NO_VALUE)["value"]
        terms = [value, *filter(None, [_only_index(head["refr"])])]
        found = ", ".join(reader.part(each) for each in terms[::-1])
        reader.block.add(f"found.append(({found}))")
        return ["found = []", *reader.block.lines, "return found"]


class ModuleRules:
    """What the names of one module mean."""

    def __init__(self, rules: PolicySetRules, module: Module) -> None:
        self._rules = rules
        self._module = module
        self._package = module.package.removeprefix("data.")
        self.namespace = rules.namespace

    def rule(self, steps: Sequence[str]) -> tuple[str, int] | None:
        """Return the generated function of the rule at the beginning of the path `steps` below
        data, and the length of its path. None if no package can add to `steps`.
        """
        if (place := self._rules.place(steps)) is None:
            return None
        return self._rules.compiled(*place), place[0].count(".") + 2

    def data(self, steps: Sequence[str]) -> Any:
        """Return the data at `steps`."""
        return self._rules.data(steps)

    def function(self, name: str, arguments: int) -> str | None:
        """Return the generated function of what the module calls `name`.

        None if it is not of the policy set.
        """
        first, _, rest = name.partition(".")
        path = [] if first == "data" else self.path_of(first)
        if path is None:
            return None
        steps = [*path, *(rest.split(".") if rest else ())]
        place = self._rules.place(steps)
        if place is None or len(steps) != place[0].count(".") + 2:
            raise Doubt
        return self._rules.compiled(*place, arguments)

    def path_of(self, name: str) -> list[str] | None:
        """Return the path below data of the rule or the import that the module calls `name`."""
        for module in self._rules.of_package(self._package):
            if name in module.rules | module.functions:
                return [*self._package.split("."), name]
        imported = self._module.imports.get(name, "").split(".")
        return imported[1:] if imported[0] == "data" and len(imported) > 1 else None

    def lists_workloads(self, steps: Sequence[str]) -> bool:
        """Return whether the rule at `steps` is a list of some of the workloads."""
        place = self._rules.place(steps)
        if place is None or len(steps) != place[0].count(".") + 2:
            return False
        found = list(self._rules.definitions(*place))
        if len(found) != 1:
            return False
        (module, rule), *_ = found
        head = rule.get("Spec", {}).get("head", {}).get("Compr", {})
        listed = ((head.get("assign") or {}).get("value") or {}).get("ArrayCompr")
        if listed is None or rule["Spec"]["bodies"] or "Var" not in listed["term"]:
            return False
        first = listed["query"]["stmts"][0]["literal"].get("SomeIn")
        if first is None or variable(first["value"]) != variable(listed["term"]):
            return False
        collection = first["collection"].get("RefDot")
        return bool(
            collection
            and collection["field"][1] == "workloads"
            and variable(collection["refr"]) == "input"
            and not {"input"} & (module.rules | module.functions | set(module.imports))
        )


def _parameters(arguments: int) -> list[str]:
    """Return the parameters of a generated function with so many arguments."""
    return ["scope", *(f"a{number}" for number in range(arguments))]


def _name(head: Tree) -> str:
    """Return the name of the rule to which a definition with this head adds."""
    while "Var" not in head:
        if not head.keys() & {"RefDot", "RefBrack"}:
            raise Doubt
        (_, inner), *_ = head.items()
        head = inner["refr"]
    return str(head["Var"]["value"])


def _only_index(head: Tree) -> Tree | None:
    """Return the key in the head of a rule, None if there is none."""
    if "Var" in head:
        return None
    if "RefBrack" not in head or "Var" not in head["RefBrack"]["refr"]:
        raise Doubt
    index: Tree = head["RefBrack"]["index"]
    return index


def _argument(argument: Tree) -> tuple[str, Any]:
    (kind, node), *_ = argument.items()
    if kind == "Var":
        return ("" if node["value"] == "_" else str(node["value"])), ANYTHING
    if kind not in ("String", "RawString", "Bool", "Null"):
        raise Doubt
    return "", node["value"]


def _sets_of(pairs: Sequence[tuple[Any, Any]]) -> dict[str, RegoSet]:
    """Return the object whose values are the sets of the values by key."""
    found: dict[str, list[Any]] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise Doubt
        found.setdefault(key, []).append(value)
    return {key: RegoSet(values) for key, values in found.items()}


_TOGETHER: Final[dict[tuple[str, bool], Callable[[Any], Any]]] = {
    ("Set", False): RegoSet,
    ("Set", True): _sets_of,
    ("Compr", True): object_of,
}
"""How the rows of all definitions become the value of a rule: by the kind of the definitions, and
whether their heads have a key."""
