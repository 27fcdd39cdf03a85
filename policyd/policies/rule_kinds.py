"""Find rules whose definitions do not fit together: OPA refuses these modules.

In: the modules of a policy set. Out: errors with file, line and column. A name in a package is a
function, a set (`contains`) or a rule with one value, and has at most one default. Source: OPA,
v1/ast/compile.go, checkRuleConflicts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from policyd.errors import PolicySetError
from policyd.policies.syntax_tree import Module, Tree, constant_path, head_of, place

_NOUNS = {
    "function": "a function",
    "set": "a set (contains)",
    "value": "a rule with one value",
}


class _Definition(NamedTuple):
    kind: str
    is_default: bool
    module: Module
    rule: Tree


def rule_conflicts(modules: Iterable[Module]) -> Iterator[PolicySetError]:
    """Yield an error for each definition that does not fit the first one of its name."""
    found: dict[str, list[_Definition]] = {}
    for module in modules:
        for rule in module.tree["rules"]:
            if "Var" in head_of(rule):  # p.q := 1 beside p.r := 2 are parts of one object
                name = f"{module.package}.{constant_path(head_of(rule))[0]}"
                found.setdefault(name, []).append(_definition(module, rule))
    for name, definitions in found.items():
        short = name.rpartition(".")[2]
        first = definitions[0]
        for other in definitions[1:]:
            if other.kind != first.kind:
                yield _error(
                    other,
                    f"{short} is {_NOUNS[other.kind]} here, but {_NOUNS[first.kind]} at "
                    f"{place(head_of(first.rule), first.module.file)}; use another name",
                )
        defaults = [one for one in definitions if one.is_default]
        for other in defaults[1:]:
            where = place(head_of(defaults[0].rule), defaults[0].module.file)
            yield _error(other, f"{short} has another default at {where}; keep one")


def _definition(module: Module, rule: Tree) -> _Definition:
    (kind, body), *_ = rule.items()
    if kind == "Default":
        return _Definition("function" if body.get("args") else "value", True, module, rule)
    (head, _), *_ = body["head"].items()
    return _Definition({"Func": "function", "Set": "set"}.get(head, "value"), False, module, rule)


def _error(definition: _Definition, message: str) -> PolicySetError:
    return PolicySetError(message, place(head_of(definition.rule), definition.module.file))
