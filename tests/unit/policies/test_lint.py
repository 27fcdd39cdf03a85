"""The lint: each construct that engines read differently, and that our own packs have none."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.errors import PolicySetError
from policyd.model import Location
from policyd.policies.lint import compiles, problems
from policyd.policies.policy_set import lint_policy_set
from policyd.policies.syntax_tree import parse
from tests.support import everything
from tests.support.cases import cases

LIBRARY = """package lib.names

known := {"a"}

is_known(name) if name in known
"""

REFUSED = {
    'x := http.send({"url": "http://x"})': (5, 6, "http.send is not allowed"),
    "x := time.now_ns()": (5, 6, "use input.review.now"),
    "x := opa.runtime()": (5, 6, "opa.runtime is not allowed"),
    "x := rego.metadata.rule()": (5, 6, "rego.metadata.rule is not allowed"),
    'x := crypto.sha256("a")': (5, 6, "crypto.sha256 is not allowed"),
    'x if { print("a") }': (5, 8, "print is not allowed: it is only allowed in tests"),
    "x := json.marshal(1.5)": (5, 6, "json.marshal is not allowed"),
    "x if { walk(input.project, [_, 1]) }": (5, 8, "walk is not allowed"),
    "x := nosuch(1)": (5, 6, "unknown function nosuch"),
    "x := data.lib.names.is_knwon(1)": (5, 6, "unknown function data.lib.names.is_knwon"),
    "x := names.is_knwon(1)": (5, 6, "unknown function data.lib.names.is_knwon"),
    'x := sprintf("%v", [1])': (5, 15, "the engines format %v differently"),
    'x := sprintf("%q", [1])': (5, 15, "the engines format %q differently"),
    'x := sprintf("%5d", [1])': (5, 15, "the engines format %5 differently"),
    'x := sprintf("%s", ["a", "b"])': (5, 6, "the format needs 1 values, but 2 are given"),
    "x := sprintf(input.review.uid, [1])": (5, 6, "must be a string literal"),
    'x if { regex.match(`^\\d+$`, "1") }': (5, 21, r"the engines match \d differently"),
    'x if { regex.replace("a", `\\w`, "b") }': (5, 28, r"the engines match \w differently"),
    'x if { glob.match("**/x", ["/"], "a/x") }': (5, 8, "without **"),
    'x if { glob.match(input.review.uid, ["/"], "a") }': (5, 8, "without **"),
    "x if { input.workload }": (5, 8, "unknown input key workload"),
    "x if { some w in input.workloads; w.privilged }": (5, 35, "unknown workload key privilged"),
    "x := data.lib.names.knwon": (5, 6, "data.lib.names.knwon is always undefined"),
    "x := data.policyd.lib.routes.of.web": (
        5,
        6,
        "data.policyd.lib.routes.of.web is always undefined; it was removed: read `grants` of a "
        "workload, as in `some grant in w.grants`",
    ),
    "x := data.policyd.lib.hosts.device(1)": (
        5,
        6,
        "unknown function data.policyd.lib.hosts.device; it was removed: use "
        "data.policyd.lib.hosts.identity",
    ),
    "x := data.policyd.lib.mounts.is_socket(1, 2)": (
        5,
        6,
        "unknown function data.policyd.lib.mounts.is_socket; it was removed: read `host_class` of "
        "a mount",
    ),
    "x := data.policyd.lib.nodes.disk(1)": (
        5,
        6,
        "unknown function data.policyd.lib.nodes.disk; it was removed: read `disk` of a device or "
        "of a mount",
    ),
    "x := data.policyd.lib.cgroup_rules.danger(1)": (
        5,
        6,
        "unknown function data.policyd.lib.cgroup_rules.danger; it was removed: read `danger` of "
        "a device rule",
    ),
    "x := data.policyd.lib.builds.opens(1)": (
        5,
        6,
        "unknown function data.policyd.lib.builds.opens; it was removed: read the grants with the "
        "method build",
    ),
    "x := data.policyd.lib.routeset.x": (5, 6, "data.policyd.lib.routeset.x is always undefined"),
    "x := data.tables.none": (5, 6, "data.tables.none is always undefined"),
    "x if { y with input as {} }\ny if { true }": (5, 15, "`with` is only allowed in tests"),
    "x := 99999999999999999999": (5, 6, "the engines read numbers above 2^63"),
    "f(n) if n in names.known": (5, 14, "write data.lib.names instead"),
    "f(n) := object.get(names.known, n, 1)": (5, 20, "write data.lib.names instead"),
    'f(e) := e[n] if { n := "a" } else := 1': (5, 9, "assign it to a variable in the body"),
    'x := 1 if { false } else := input.project[n] if { n := "a" }': (
        5,
        29,
        "assign it to a variable in the body",
    ),
}

ALLOWED = [
    "x if names.is_known(input.review.uid)",
    'x if { some n in names.known; n == "b" }',
    "f(n) if names.is_known(n)",
    "f(n) if n in data.lib.names.known",
    'f(e) := v if { n := "a"; v := e[n] } else := 1',
    "f(e) := e[0] if { e } else := 1",
    "f(e, n) := e[n]",
    'x := sprintf("%s has %d of 100%%", [input.review.uid, 2])',
    'x := sprintf("%s", input.requestedProfiles)',
    'x if { regex.match(`^[0-9]+$`, "1") }',
    'x if { glob.match("a-*", [], "a-1") }',
    "x if { some w in input.workloads; w.privileged; w.labels.anything }",
    "x if { some p in data.tables.ports; p == 1 }",
    "x if { data.tables[input.review.uid] }",
    "x if { data.lib.names[input.review.uid] }",
    'x if { every w in input.workloads { startswith(w.image, "a") } }',
]


def lint(rule: str, package: str = "policyd.policies.p") -> list[PolicySetError]:
    own = parse("p.rego", f"package {package}\n\nimport data.lib.names\n\n{rule}\n")
    library = parse("lib.rego", LIBRARY)
    modules = {"p.rego": own, "lib.rego": library}
    return list(problems(modules, {"p.rego": own}, {"tables": {"ports": [1]}}))


@cases("rule", REFUSED)
def test_construct_that_engines_read_differently_is_refused_at_its_place(rule: str) -> None:
    line, column, message = REFUSED[rule]

    (problem, *_) = lint(rule)

    assert message in str(problem)
    assert problem.where == Location("p.rego", line, column)


@cases("rule", ALLOWED)
def test_construct_that_engines_agree_on_is_not_refused(rule: str) -> None:
    assert [str(problem) for problem in lint(rule)] == []


PLAIN = [
    "deny contains msg if { some s in input.services; msg := s.image }",
    "deny contains msg if { some w in input.workloads; msg := w.image }",
    'deny contains msg if { msg := sprintf("%v", [input.name]) }',
]


@cases("rule", PLAIN)
def test_plain_rule_of_conftest_may_read_the_effective_model(rule: str) -> None:
    assert [str(problem) for problem in lint(rule, "main")] == []


@cases("rule", ["x if { input.servces }", 'x := sprintf("%q", [1])', "x := time.now_ns()"])
def test_plain_rule_of_conftest_may_do_nothing_else_that_policies_may_not(rule: str) -> None:
    assert len(lint(rule, "main")) == 1


@pytest.mark.thorough
def test_own_packs_have_nothing_that_is_refused(tmp_path: Path) -> None:
    assert [str(problem) for problem in lint_policy_set(everything.write(tmp_path))] == []


@cases(
    ("text", "place"),
    [
        ("package p\n\nx contains y if { some z in [1] }\n", "p.rego:3:12: "),
        ("package p\n\nx[f(1)] contains 2\n", "p.rego:3:4: not a valid ref"),
        ("package p\n\nf(1) := 2\n\nx := f(1, 2)\n", "p.rego:5:7: mismatch in number of arguments"),
    ],
)
def test_rego_that_does_not_compile_is_refused_at_its_place(text: str, place: str) -> None:
    with pytest.raises(PolicySetError) as caught:
        compiles({"p.rego": text}, {})

    assert str(caught.value).startswith(place)


def test_rego_that_does_not_parse_is_refused_at_its_place() -> None:
    with pytest.raises(PolicySetError, match=r"p\.rego:3:6: invalid character"):
        parse("p.rego", 'package p\n\nx := $"a{input.review}"\n')
