"""Values are followed from the input through Rego; what is unknown is never reported."""

from __future__ import annotations

import pytest

from tests.support.cases import cases
from tests.support.linted import lint

WORKLOAD = "unknown workload key privilged; did you mean privileged?"
MOUNT = "unknown mount key souce; did you mean source?"

FOLLOWED = {
    "x if { w := input.workloads[_]; w.privilged }": WORKLOAD,
    "x if { input.workloads[n].privilged; n > 1 }": WORKLOAD,
    'x if { input["workloads"][0]["privilged"] }': WORKLOAD,
    "x if { w.privilged; some w in input.workloads }": WORKLOAD,
    "x if { every w in input.workloads { w.privilged } }": WORKLOAD,
    "x := [w.name | some w in input.workloads; w.privilged]": WORKLOAD,
    "x := {w.name: m | some w in input.workloads; some m in w.mounts; m.souce}": MOUNT,
    "x if { some i, w in input.workloads; i; w.privilged }": WORKLOAD,
    "x if { some {'privilged': p} in input.workloads; p }".replace("'", '"'): WORKLOAD,
    'x if { some w in input.workloads; {"privilged": p} = w; p }': WORKLOAD,
    "x if { some w in input.workloads; [a, b] := [w, w]; a.privilged; b }": WORKLOAD,
    "ws contains w if some w in input.workloads\nx if { some w in ws; w.privilged }": WORKLOAD,
    "m[w.name] := w if some w in input.workloads\nx if m.web.privilged": WORKLOAD,
    "all_of := input.workloads\nx if all_of[_].privilged": WORKLOAD,
    "f(w) := w.mounts\nx if { some w in input.workloads; some m in f(w); m.souce }": MOUNT,
    "f(ws) if { some w in ws; w.privilged }\nx if f(input.workloads)": WORKLOAD,
    "f(w) := 1 if w.kind == \"job\" else := 2 if w.privilged\nx if f(input.workloads[_]) == 1": (
        WORKLOAD
    ),
    "default d := []\nd := input.workloads if input.review.dryRun\nx if d[_].privilged": WORKLOAD,
    "import input.workloads\nx if { some w in workloads; w.privilged }": WORKLOAD,
    "import input.workloads as ws\nx if { some w in ws; w.privilged }": WORKLOAD,
    "import input.workload as ws\nx if { some w in ws; w.privileged }": (
        "unknown input key workload; did you mean workloads?"
    ),
    "x if { some w in sort(input.workloads); w.privilged }": WORKLOAD,
    "x if { some w in array.concat(input.workloads, []); w.privilged }": WORKLOAD,
    'x if { w := object.union(input.workloads[0], {"a": 1}); w.a; w.privilged }': (
        "unknown object key privilged; did you mean privileged?"
    ),
    'x if { object.get(input.workloads[0], ["build", "contxt"], "") == "" }': (
        "unknown build key contxt; did you mean context?"
    ),
    "x if { not input.workloads[0].privilged }": WORKLOAD,
    'x if { input.review.source.repo == "a" }': (
        "unknown source key repo; valid keys are commit, environment, host, ref, repository"
    ),
    'x if { some c in input.constraints.own; c.parameters.mode == "strikt" }': (
        "c.parameters.mode is never \"strikt\"; it is one of lenient, strict; did you mean strict?"
    ),
    'x if { some c in input.constraints.own; some n in c.parameters.names; n == 1 }': (
        "this comparison never holds: n is a string, 1 is a number"
    ),
    "x if { some c in input.constraints.own; c.parameter.limit }": (
        "unknown constraint key parameter; did you mean parameters?"
    ),
    "x if { input.workloads[0].image.tag }": (
        "input.workloads[0].image is a string, which has no key tag"
    ),
    'x if { input.project.services.web.privilged }': (
        "unknown service key privilged; did you mean privileged?"
    ),
    "x if { input.unresolved[_].varable }": (
        "unknown unset variable key varable; did you mean variable?"
    ),
    "x if { 1 == \"a\" }": 'this comparison never holds: 1 is a number, "a" is a string',
    "x if { y := count(input.workloads, 1); y }": (
        "count takes 1 argument; write `x := count(…)` for its result"
    ),
    'x if { startswith("a") }': "startswith takes 2 arguments, not 1",
    'x if { sprintf("%s", [input.workloads[0].replicas]) == "1" }': (
        "%s formats a string, but input.workloads[0].replicas is a number; write %d"
    ),
}  # fmt: skip

SILENT = [
    "x if { some w in input.workloads; w.labels.anything; not w.environment.FOO }",
    "x if { some w in input.workloads; not w.privileged; w.build != null; w.build.context }",
    "x if { some w in input.workloads; w.build.path[_] == 0; w.path[0] == 1 }",
    "x if { some k, v in input.workloads[0]; k == v }",
    'x if { some k in ["image", "user"]; input.workloads[0][k] == "root" }',
    'f(v) := v.image if v.kind == "job" else := v.variable\n'
    "x if { f(input.workloads[0]); f(input.unresolved[0]) }",
    "f(v) if v.whatever",
    "x if { data.policyd[input.review.uid].at_all }",
    'x if { input.project.services.web["x-team"].lead; input.project["x-top"].a }',
    "x if { some s in input.project.services; s.deploy.resources.limits; not s.user }",
    "x if { some s in input.project.services; s.healthcheck.test[0] == s.ulimits.nofile.soft }",
    "x if { input.workloads[0].environment.FOO != false }",
    "x if { input.workloads[0].hook == null; input.workloads[0].image != null }",
    'x if { some g in input.workloads[0].grants; g.devices == "all" }',
    "x if { some g in input.workloads[0].grants; g.devices.count > 1 }",
    "x if { some g in input.workloads[0].grants; count(g.devices) > 1 }",
    "x if { w := object.union(input.workloads[0], {\"a\": 1}); w.a; w.name }",
    "x if { some c in input.constraints.own; some n in c.parameters.names; n == \"a\" }",
    "x if { v := {\"a\": 1}[input.review.uid]; v }",
    "x := {w.name: object.get(w.labels, \"team\", null) | some w in input.workloads}",
    "x if { input.review }",
    "p.q.r := 1\nx if p.q.r == 1",
    "m[k] := v if some k, v in input.project.services\nx if m.web.image",
]  # fmt: skip

PLAIN = {
    "deny contains m if { some v in input.services.web.volumes; m := v; v == \"/:/host\" }": (
        'this comparison never holds: v is an object, "/:/host" is a string; compare one of its '
        "keys: bind, consistency, image, read_only, source, target, tmpfs, type, volume"
    ),
    'deny contains m if { input.services[m].ports[_] == "22:22" }': (
        'this comparison never holds: input.services[m].ports[_] is an object, "22:22" is a '
        "string; compare one of its keys: app_protocol, host_ip, mode, name, protocol, published, "
        "target"
    ),
    "deny contains m if { input.services[m].privilged }": (
        "unknown service key privilged; did you mean privileged?"
    ),
    'deny contains m if { m := input.version }': (
        "unknown input key version; Compose ignores it, so the effective model does not have it"
    ),
}  # fmt: skip


@pytest.mark.thorough
@cases("rules", FOLLOWED)
def test_value_is_followed_to_its_use(rules: str) -> None:
    assert [problem.message for problem in lint(rules)] == [FOLLOWED[rules]]


@cases("rules", SILENT)
def test_valid_rego_has_no_problem(rules: str) -> None:
    assert [str(problem) for problem in lint(rules)] == []


@cases("rules", PLAIN)
def test_rule_of_conftest_is_checked_against_the_effective_model(rules: str) -> None:
    assert [problem.message for problem in lint(rules, "main")] == [PLAIN[rules]]


def test_problem_is_at_the_place_of_the_expression() -> None:
    (problem,) = lint("x if {\n\tsome w in input.workloads\n\tw.privilged\n}")

    assert str(problem.where) == "p.rego:5:5"


def test_function_is_only_reported_if_no_call_of_it_is_valid() -> None:
    rules = "f(v) := v.variable\nx if f(input.workloads[0].mounts[0])"

    assert [problem.message for problem in lint(rules)] == [
        "unknown mount key variable; valid keys are disk, fstype, host_class, origin, path, "
        "propagation, read_only, request, source, source_raw, target, type, volume"
    ]
    assert lint(f"{rules}\ny if f(input.unresolved[0])") == []


@pytest.mark.thorough
def test_deep_and_long_rego_ends() -> None:
    chain = "\n".join(f"f{n}(x) := [f{n + 1}(x), f{n + 1}([x])][_]" for n in range(60))
    lines = "\n".join(f"\tinput.workloads[{n}].labels == f0({n})" for n in range(200))

    assert lint(f"{chain}\nf60(x) := x\nx if {{\n{lines}\n}}") == []
