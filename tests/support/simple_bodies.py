"""Bodies of rules, evaluated by their simple statements and by the embedded engine."""

from __future__ import annotations

import msgspec

from policyd.engines.embedded import interpreter
from policyd.model import Review, to_json
from policyd.policies.rego_values import Doubt
from policyd.policies.simple_reader import Reader
from policyd.policies.simple_rules import ModuleRules, PolicySetRules
from policyd.policies.simple_statements import Scope
from policyd.policies.syntax_tree import parse
from policyd.policy_input import AskedConstraint, PolicyInput
from policyd.workloads.model import Mount, Workload

DATA = {"names": {"known": {"TAG": True, "OFF": False}, "list": ["a"]}}


def workload(name="app", **fields):
    """Return a workload with `fields`."""
    path = ("services", name)
    return Workload(name=name, service=name, title=f"service {name}", path=path, **fields)


def mount(target, **fields):
    """Return a mount with `fields`."""
    path = ("services", "app", "volumes", 0)
    return Mount("bind", "/srv", "/srv", target, False, "volumes", path, **fields)


def document(*workloads, **fields):
    """Return an input with `workloads`, and the fields `unresolved` and `project`."""
    return PolicyInput(
        review=Review(uid="1", enforcement_point="ci", now=0),
        constraints={"p": (AskedConstraint("c", {"keys": ["pid", "ipc"], "none": []}),)},
        workloads=workloads,
        project={"name": "shop", **fields.get("project", {})},
        unresolved=fields.get("unresolved", ()),
        not_evaluated=(),
        requested_profiles=(),
        credentials=(),
    )


def module(body, rules="other(x) if x in [1]"):
    """Return a module with a rule `found` that has the statements `body`, and with `rules`."""
    lines = "\n".join(f"\t{line}" for line in body)
    return f"package p\n\nfound contains 1 if {{\n{lines}\n}}\n\n{rules}\n"


def body_of(text, packages=()):
    """Return the simple statements of the rule `found` in `text`, beside empty `packages`."""
    others = {f"{package}.rego": f"package {package}\n" for package in packages}
    rules = PolicySetRules({"p.rego": text, **others}, DATA)
    module = parse("p.rego", text)
    rule = module.tree["rules"][0]
    statements = rule["Spec"]["bodies"][0]["query"]["stmts"]
    return Reader(ModuleRules(rules, module)).beginning(statements)


def may_hold(text, found):
    """Return whether the rule `found` in `text` may report something of the document `found`."""
    return holds_or_is_in_doubt(body_of(text), Scope(found))


def holds_or_is_in_doubt(body, scope):
    """Return whether the statements of `body` hold for any values, or that is not known."""
    try:
        return bool(body.values(scope))
    except Doubt:
        return True


def holds(text, found):
    """Return whether the rule `found` in `text` has a value in the embedded engine."""
    engine = interpreter({"p.rego": text}, DATA)
    engine.set_input_json(to_json(found).decode())
    return bool(msgspec.json.decode(engine.eval_rule_as_json("data.p.found")))
