"""Trace a rule on an input document: which of its expressions hold, and with which values.

In: a policy set, the input of policies as JSON, and the rule of a policy. Out: a Trace for each
definition of the rule. The expressions of a body are evaluated one more at a time, in the order in
which they bind their variables: an expression is compared by the solutions before and after it.
Where an expression drops solutions, the rules and functions that it calls are traced too, with the
arguments of that call. Errors: EngineError.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from policyd.engines.embedded import explain, interpreter
from policyd.errors import EngineError
from policyd.model import Location
from policyd.policies.statement_order import bound_names, ordered
from policyd.policies.syntax_tree import (
    Module,
    Tree,
    constant_path,
    head_of,
    nodes,
    operands,
    parse,
    source,
)

MAX_LEVELS: Final = 5
"""Rules that are traced inside each other, the rule of the policy included."""
MAX_VALUES: Final = 5
"""Solutions whose values a step names."""

_ROWS: Final = "policyd_trace"
_VALUE: Final = "policyd_value"
_ARGUMENTS: Final = "policyd_arguments"
_PACKAGE: Final = re.compile(r"^package\s+(\S+)", re.MULTILINE)

Row = dict[str, Any]
"""Values by variable."""
Values = dict[str, list[Any]]
"""All values by reference or variable."""


class Step(msgspec.Struct, frozen=True):
    """An expression of a rule.

    `outcome` is "true" if it holds for a solution of the expressions before it, else "false" or
    "undefined". `kept` of `solutions` remain after it. `values` lists the values of its references
    and variables, none for one that is undefined: in the solutions that it drops, if it drops any,
    else in those that it keeps. `called` are the rules and functions in it if it drops solutions.
    """

    text: str
    line: int
    outcome: str
    solutions: int
    kept: int
    values: tuple[Values, ...] = ()
    called: tuple[Trace, ...] = ()


class Trace(msgspec.Struct, frozen=True):
    """A definition of a rule or function, and its expressions up to the first that fails."""

    name: str
    location: Location
    steps: tuple[Step, ...]

    @property
    def holds(self) -> bool:
        """Whether all expressions hold together."""
        return all(step.outcome == "true" for step in self.steps)


def trace(
    modules: dict[str, str], data: dict[str, Any], document: bytes, rule: str, *, levels: int = 1
) -> list[Trace]:
    """Return a Trace of each definition of `rule`, the full name of a rule without arguments.

    Called rules are traced in `levels` - 1 levels below it, at most MAX_LEVELS - 1.
    """
    scope = _Scope(modules, data, document)
    return list(scope.definitions(rule, min(levels, MAX_LEVELS)))


def try_trace(modules: dict[str, str], data: dict[str, Any], rule: str) -> tuple[Trace, ...]:
    """Return the traces of `rule`, which sets its input itself; () if there is an error."""
    try:
        return tuple(trace(modules, data, b"{}", rule))
    except EngineError:
        return ()


class _Scope:
    """The Rego and the data that expressions are evaluated with."""

    def __init__(self, modules: dict[str, str], data: dict[str, Any], document: bytes) -> None:
        self._modules = modules
        self._data = data
        self._document = document

    def definitions(self, rule: str, levels: int, caller: str = "") -> Iterator[Trace]:
        """Yield a Trace of each definition of `rule`.

        `caller` is the rule with the set of arguments that a function is called with.
        """
        package, _, name = rule.rpartition(".")
        for module in self._in_package(package):
            for found in module.tree["rules"]:
                (kind, definition), *_ = found.items()
                if kind != "Spec" or constant_path(head_of(found))[0] != name:
                    continue
                head = next(iter(definition["head"].values()))
                for body in definition["bodies"] or [{"query": {"stmts": []}}]:
                    traced = _Body(self, module, head, body, caller)
                    if caller and not traced.is_called:
                        continue
                    span = body["query"].get("span", definition["span"])
                    line = (span if body.get("is_else") else definition["span"])["line"]
                    yield Trace(rule, Location(module.file, line, 1), tuple(traced.steps(levels)))

    def with_rule(self, module: Module, name: str, value: str, body: Sequence[str]) -> _Scope:
        """Return a scope in which `module` also has the set `name` of each `value` of `body`."""
        statements = "\n\t".join(body or ["true"])
        text = f"{self._modules[module.file]}\n{name} contains {value} if {{\n\t{statements}\n}}\n"
        return _Scope({**self._modules, module.file: text}, self._data, self._document)

    def rows(self, module: Module, value: str, body: Sequence[str]) -> list[Any]:
        """Return each different `value` of the solutions of `body`."""
        scope = self.with_rule(module, _ROWS, value, body)
        try:
            engine = interpreter(scope._modules, scope._data)
            engine.set_gather_prints(True)
            engine.set_input_json(scope._document.decode())
            found = msgspec.json.decode(engine.eval_rule_as_json(f"{module.package}.{_ROWS}"))
        except RuntimeError as error:
            sentence, _ = explain(error)  # the place is in the rule that was added
            raise EngineError(f"{module.file}: {sentence}") from None
        return list(found)

    def called(self, path: list[str], module: Module) -> str:
        """Return the full name of the rule or function that `path` means in `module`, or ""."""
        if path[0] in module.rules | module.functions:
            return f"{module.package}.{path[0]}"
        full = [*module.imports.get(path[0], path[0]).split("."), *path[1:]]
        for size in range(len(full) - 1, 1, -1):
            package, name = ".".join(full[:size]), full[size]
            if any(name in one.rules | one.functions for one in self._in_package(package)):
                return f"{package}.{name}"
        return ""

    def _in_package(self, package: str) -> Iterator[Module]:
        for file, text in self._modules.items():
            found = _PACKAGE.search(text)
            if found and f"data.{found[1]}" == package:
                yield parse(file, text)


class _Body:
    """One body of a definition. `caller` is the rule with the arguments of the call, or ""."""

    def __init__(self, scope: _Scope, module: Module, head: Tree, body: Tree, caller: str) -> None:
        self._scope = scope
        self._module = module
        self._before: list[str] = []
        self._names: list[str] = []
        self._with = ""  # the `with` of the current statement, which its values need too
        if caller:
            self._before.append(f"some {_ARGUMENTS} in {caller}")
            for number, argument in enumerate(head.get("args", [])):
                is_name = "Var" in argument
                self._names += [argument["Var"]["value"]] if is_name else []
                written = source(argument, module, whole=True)
                sign = ":=" if is_name else "="
                self._before.append(f"{written} {sign} {_ARGUMENTS}[{number}]")
            self._names = [name for name in self._names if name != "_"]
        self._statements = ordered(body["query"]["stmts"])
        assigned = body.get("assign") or head.get("assign")
        self._value = head.get("key") or (assigned["value"] if assigned else None)

    @property
    def is_called(self) -> bool:
        """Whether there are arguments that fit the definition."""
        return bool(self._rows(self._before))

    def steps(self, levels: int) -> Iterator[Step]:
        """Yield the steps up to the first that fails, with the rules that it calls."""
        rows = self._rows(self._before)
        for statement in self._statements:
            text = source({"": statement}, self._module, whole=True)
            names = sorted(bound_names(statement) - {"_"})
            mods = statement.get("with_mods", ())
            self._with = "".join(f" {source({'': m}, self._module, whole=True)}" for m in mods)
            step, rows = self._step(statement["literal"], text, names, rows, levels)
            yield msgspec.structs.replace(step, line=statement["span"]["line"])
            if step.outcome != "true":
                return
            self._before.append(text)
            self._names += [name for name in names if name not in self._names]
        if self._value and next(iter(self._value)) not in ("Number", "String", "Bool", "True"):
            self._with = ""
            text = source(self._value, self._module, whole=True)
            assignment = {"op": "ColEq", "lhs": {"Var": {"value": "_"}}, "rhs": self._value}
            literal = {"Expr": {"expr": {"AssignExpr": assignment}}}
            step, _ = self._step(literal, f"{_VALUE} := {text}", [], rows, levels)
            if step.kept < step.solutions:
                line = next(iter(self._value.values()))["span"]["line"]
                yield msgspec.structs.replace(step, text=text, line=line)

    def _step(
        self, literal: Tree, text: str, names: list[str], rows: list[Row], levels: int
    ) -> tuple[Step, list[Row]]:
        """Return the step of an expression that binds `names`, and the solutions after it."""
        before = list(self._names)
        self._names = [*before, *(name for name in names if name not in before)]
        after = self._rows([*self._before, text])
        self._names = before
        kept = [{name: row[name] for name in before} for row in after]
        dropped = [row for row in rows if row not in kept]
        if names and not dropped:
            values = _unique([{name: [row[name]] for name in names} for row in after])
        else:
            values = self._values(literal, dropped, rows)
        outcome = "true" if after else self._failure(literal, text)
        values = values[:MAX_VALUES]
        called = (
            tuple(self._called(literal, levels))
            if dropped and levels > 1 and not self._with
            else ()
        )
        step = Step(
            text,
            0,
            outcome,
            len(rows),
            len(rows) - len(dropped),
            tuple(values[:MAX_VALUES]),
            called,
        )
        return step, after

    def _rows(self, statements: Sequence[str]) -> list[Row]:
        """Return the values of the variables for each solution of `statements`."""
        return self._scope.rows(
            self._module, _object({name: name for name in self._names}), statements
        )

    def _values(self, literal: Tree, dropped: list[Row], rows: list[Row]) -> list[Values]:
        """Return the values in `literal` in the solutions `dropped`, if any, else in `rows`."""
        references = list(_references(literal))
        texts = [source(one, self._module, whole=True) for one in references]
        if dropped:
            roots = {constant_path(one)[0] for one in references}
            texts = [*(name for name in self._names if name in roots), *texts]
        if not texts:
            return []
        row = _object({name: name for name in self._names})
        found = _object({text: f"[v | v := {text}{self._with}]" for text in texts})
        pairs = self._scope.rows(self._module, f"[{row}, {found}]", self._before)
        wanted = [found for row, found in pairs if row in (dropped or rows)]
        return _unique([{text: found[text] for text in texts} for found in wanted])

    def _failure(self, literal: Tree, text: str) -> str:
        """Return whether an expression that holds for no solution is false or undefined."""
        (kind, node), *_ = literal.items()
        if kind in ("NotExpr", "Every"):
            return "false"
        if kind != "Expr" or "AssignExpr" in node["expr"]:
            return "undefined"
        values = self._scope.rows(self._module, f"[v | v := {text}]", self._before)
        return "false" if any(False in found for found in values) else "undefined"

    def _called(self, literal: Tree, levels: int) -> Iterator[Trace]:
        """Yield the traces of the rules and functions in `literal`."""
        seen = set()
        for kind, node in nodes(literal):
            path = constant_path(node["fcn"] if kind == "Call" else {kind: node})
            rule = self._scope.called(path, self._module) if path[0] else ""
            if not rule or rule in seen:
                continue
            seen.add(rule)
            if kind != "Call":
                yield from self._scope.definitions(rule, levels - 1)
                continue
            name = f"{_ARGUMENTS}_{levels}"
            arguments = [source(one, self._module, whole=True) for one in node["params"]]
            scope = self._scope.with_rule(
                self._module, name, f"[{', '.join(arguments)}]", self._before
            )
            yield from scope.definitions(rule, levels - 1, f"{self._module.package}.{name}")


def _unique(rows: list[Values]) -> list[Values]:
    return [row for number, row in enumerate(rows) if row not in rows[:number]]


def _object(fields: dict[str, str]) -> str:
    inner = ", ".join(f"{msgspec.json.encode(key).decode()}: {fields[key]}" for key in fields)
    return f"{{{inner}}}"


def _references(literal: Tree) -> Iterator[Tree]:
    (kind, node), *_ = literal.items()
    inner = {"SomeIn": "collection", "Every": "domain"}.get(kind, "expr")
    if inner in node:
        yield from _below(node[inner])


def _below(expression: Tree) -> Iterator[Tree]:
    (kind, node), *_ = expression.items()
    if kind in ("RefDot", "RefBrack") or (kind == "Var" and re.match("[a-z]", node["value"])):
        yield expression
        return
    parts = operands(kind, node)
    yield from (found for part in parts[kind == "AssignExpr" :] for found in _below(part))
