"""Evaluate a query or a policy on an input document, and explain why a policy reports nothing.

In: a policy set, the input of policies as JSON, and a query or the ID of a policy. Out: values and
printed lines; or, for each definition of the rule of a policy, the first expression that does not
hold, with the values in it. Errors: EngineError for a query that fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from policyd.engines.embedded import explain as reason
from policyd.engines.embedded import interpreter
from policyd.errors import EngineError
from policyd.model import Location
from policyd.policies.packs import Policy
from policyd.policies.policy_set import PolicySet
from policyd.policies.statement_order import ordered
from policyd.policies.syntax_tree import (
    Module,
    Tree,
    constant_path,
    head_of,
    operands,
    parse,
    source,
)

_RULE: Final = "policyd_explanation"
_MAX_VALUES: Final = 5


class Evaluation(msgspec.Struct, frozen=True):
    """The values of a query, and what `print` wrote."""

    values: list[Any]
    printed: tuple[str, ...]


class Step(msgspec.Struct, frozen=True):
    """An expression of a rule, whether it holds, and the values in it where it does not."""

    text: str
    line: int
    holds: bool
    values: tuple[dict[str, Any], ...] = ()


class Explained(msgspec.Struct, frozen=True):
    """A definition of the rule of a policy, and its expressions up to the first that fails."""

    location: Location
    steps: tuple[Step, ...]


def evaluate(policy_set: PolicySet, document: bytes, query: str) -> Evaluation:
    """Return the values of `query` with the input `document`."""
    return _evaluated(policy_set, policy_set.modules, document, query)


def model_input(document: bytes) -> bytes:
    """Return the input of plain conftest rules: the effective model and the input of policies."""
    content = msgspec.json.decode(document)
    return msgspec.json.encode({**content["project"], **content})


def explanations(policy_set: PolicySet, document: bytes, policy: Policy) -> list[Explained]:
    """Return, for each definition of the rule of `policy`, which of its expressions hold."""
    package, _, name = policy.rule.rpartition(".")
    found = []
    for file, text in policy_set.modules.items():
        module = parse(file, text)
        if module.package != package:
            continue
        for rule in module.tree["rules"]:
            (kind, definition), *_ = rule.items()
            if kind != "Spec" or constant_path(head_of(rule)) != [name]:
                continue
            for body in definition["bodies"]:
                steps = tuple(_steps(policy_set, document, module, body["query"]["stmts"]))
                line = definition["span"]["line"]
                found.append(Explained(Location(file, line, 1), steps))
    return found


def _steps(
    policy_set: PolicySet, document: bytes, module: Module, statements: list[Tree]
) -> Iterator[Step]:
    before: list[str] = []
    for statement in ordered(statements):
        text = source({"": statement}, module, whole=True)
        line = statement["span"]["line"]
        if _members(policy_set, document, module, "1", [*before, text]):
            yield Step(text, line, True)
            before.append(text)
            continue
        values = _values_in(policy_set, document, module, statement, before)
        yield Step(text, line, False, tuple(values))
        return


def _values_in(
    policy_set: PolicySet, document: bytes, module: Module, statement: Tree, before: list[str]
) -> list[dict[str, Any]]:
    """Return the values of the references in `statement`, once for each different combination."""
    texts = dict.fromkeys(
        source(reference, module, whole=True) for reference in _references(statement["literal"])
    )
    if not texts:
        return []
    fields = ", ".join(f"{msgspec.json.encode(t).decode()}: [v | v := {t}]" for t in texts)
    rows = _members(policy_set, document, module, f"{{{fields}}}", before)
    return [{text: found[0] for text, found in row.items() if found} for row in rows[:_MAX_VALUES]]


def _members(
    policy_set: PolicySet, document: bytes, module: Module, head: str, statements: list[str]
) -> list[Any]:
    """Return the set of the values of `head` for all solutions of `statements`."""
    body = "\n\t".join(statements or ["true"])
    text = f"{module.text}\n{_RULE} contains {head} if {{\n\t{body}\n}}\n"
    modules = {**policy_set.modules, module.file: text}
    found = _evaluated(policy_set, modules, document, f"{module.package}.{_RULE}").values
    return list(found[0]) if found else []


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


def _evaluated(
    policy_set: PolicySet, modules: dict[str, str], document: bytes, query: str
) -> Evaluation:
    try:
        engine = interpreter(modules, policy_set.data)
        engine.set_gather_prints(True)
        engine.set_input_json(document.decode())
        answer = msgspec.json.decode(engine.eval_query_as_json(query))
        printed = tuple(engine.take_prints())
    except RuntimeError as error:
        sentence, where = reason(error)
        raise EngineError(f"{where}: {sentence}" if where else sentence) from None
    rows = answer.get("result", [])
    return Evaluation([_value(row) for row in rows], printed)


def _value(row: dict[str, Any]) -> Any:
    """Return the variables that a query binds, or the value of its last expression."""
    return row.get("bindings") or row["expressions"][-1]["value"]
