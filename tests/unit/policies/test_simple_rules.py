"""Rules and functions of simple statements have the values that they have in an engine."""

from __future__ import annotations

import pytest

from policyd.policies.rego_values import Doubt
from policyd.policies.simple_rules import PolicySetRules
from tests.support.cases import cases
from tests.support.simple_bodies import (
    body_of,
    document,
    holds,
    holds_or_is_in_doubt,
    may_hold,
    module,
    workload,
)

FOUND = document(
    workload(cap_add=("ALL",), image="a/b:1", replicas=2), workload("db", kind="hook", user="0")
)
W = "some w in input.workloads"
RULES = """
is_hook(w) if w.kind == "hook"
size(w) := "many" if w.replicas > 1
size(w) := "one" if w.replicas == 1
first(w) := w.user if w.user != ""
else := w.image if w.image != ""
else := "none"
by("memory", w) := w.replicas
by("cpus", _) := 7
containers := [w | some w in input.workloads; not is_hook(w)]
named[w.name] := w if some w in input.workloads
kinds contains w.kind if some w in input.workloads
kinds contains "job"
users[w.user] contains w.name if some w in input.workloads
is_large if count(input.workloads) > 1
most := 5
ambiguous(w) := x if some x in [w.replicas, 1]
endless(w) if endless(w)
default fallback := 3
"""
HOLDING = [
    [W, "is_hook(w)"],
    [W, "not is_hook(w)", "w.image"],
    [W, 'size(w) == "many"'],
    [W, 'first(w) == "0"'],
    [W, 'first(w) == "a/b:1"'],
    [W, 'by("memory", w) == 2', 'by("cpus", w) == 7'],
    ["some w in containers", "w.replicas == 2"],
    ['named.db.user == "0"'],
    ["some name, w in named", "name == w.name"],
    ['"job" in kinds', '"service" in kinds', "count(kinds) == 3"],
    ['users["0"] == {"db"}', "count(users) == 2"],
    ["is_large", "most == 5"],
    ["data.p.most == 5"],
    [W, "w.replicas < most", "not w.replicas > most"],
    ["some c in containers", "x := [w | some w in containers; w.name == c.name]", "count(x) == 1"],
]
FAILING = [
    ["some w in containers", "is_hook(w)"],
    ["some w in containers", "w.user != ``"],
    [W, 'by("disk", w)'],
    [W, "first(w) == `none`"],
    ["not is_large"],
    ["named.none"],
    ['"provider" in kinds'],
    [W, "size(w) == `one`", "w.replicas == 2"],
]


@cases("body", HOLDING, ids=" ; ".join)
def test_rules_that_hold_in_the_engine_hold(body):
    text = module(body, RULES.replace("ambiguous", "unused"))

    assert holds(text, FOUND)
    assert may_hold(text, FOUND)


@cases("body", FAILING, ids=" ; ".join)
def test_rules_that_fail_in_the_engine_fail(body):
    text = module(body, RULES)

    assert not holds(text, FOUND)
    assert not may_hold(text, FOUND)


@cases(
    "statement",
    ["endless(w)", "fallback == 9", "is_hook(w, 1)", "is_hook == 3", "ambiguous(w) == 9"],
)
def test_what_is_not_known_without_an_engine_may_hold(statement):
    assert may_hold(module([W, statement], RULES), FOUND)


@cases(
    ("packages", "is_simple"),
    [((), True), (("p.most",), False), (("p.other",), True), (("q",), True)],
)
def test_a_rule_to_which_another_package_may_add_is_not_simple(packages, is_simple):
    body = body_of(module(["most == 6"], RULES), packages)

    from policyd.policies.simple_statements import Scope

    assert holds_or_is_in_doubt(body, Scope(FOUND)) is not is_simple


def test_the_place_of_a_rule_is_its_package_and_its_name():
    rules = PolicySetRules({"a.rego": "package a.b\n"}, {"a": {"x": {"y": 1}}})

    assert rules.place(["a", "b", "c", "d"]) == ("a.b", "c")
    assert rules.place(["a", "x"]) is None
    assert rules.data(["a", "x", "y"]) == 1


@cases(
    ("beginning", "is_known"),
    [
        ("# About it\n\npackage a.b # why\n", True),
        ('package a["b"]\n', False),
        ("package\na.b\n", False),
        ("package\na.b\nx := `\npackage c\n`\n", False),
    ],
)
def test_a_package_that_is_written_in_another_form_leaves_references_to_the_engine(
    beginning, is_known
):
    rules = PolicySetRules({"p.rego": "package p\n", "a.rego": f"{beginning}y := 1\n"}, {})

    if is_known:
        assert rules.place(["a", "b", "y"]) == ("a.b", "y")
    else:
        with pytest.raises(Doubt):
            rules.place(["a", "b", "y"])


@cases(("length", "is_simple"), [(8, True), (200, False)], ids=str)
def test_a_long_chain_of_functions_is_left_to_the_engine(length, is_simple):
    chain = "".join(f"f{n}(x) := f{n + 1}([x])\n" for n in range(length))
    text = module([W, "f0(w.name) == 3"], f"{chain}f{length}(x) := 1 if x != 2\n")

    assert may_hold(text, FOUND) is not is_simple
