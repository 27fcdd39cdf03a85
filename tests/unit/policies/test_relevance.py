"""Which policies are evaluated: all that may report, and no built-in one on a quiet project."""

from __future__ import annotations

import msgspec
import pytest

from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.host_resolver import HostResolver
from policyd.loading import load_project, prepare
from policyd.model import Finding, Review, Source, to_json
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.packs import built_in
from policyd.policies.policy_set import load_policy_set
from policyd.policies.relevance import Relevance
from policyd.policy_input import policy_input
from tests.support import everything

REVIEW = Review(
    uid="1",
    enforcement_point="ci",
    now=1_795_446_000_000_000_000,
    source=Source(repository="acme/shop", environment="prod", host="gpu-01"),
)
QUIET = (
    "services: {web: {image: nginx, mem_limit: 1g, volumes: ['data:/d']}}\nvolumes: {data: {}}\n"
)
LOUD = "services: {web: {image: nginx, privileged: true, gpus: all}}\n"

RULE = """# METADATA
# title: Own
# description: For tests.
# scope: package
# custom: {id: own-rule, severity: low, remediation: Remove it.}
package policyd.policies.own_rule

BODY
"""
VIOLATION = """violation contains {"msg": "m", "service": w.name, "path": w.path} if {
	some w in input.workloads
	w.privileged
}
"""
SET = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: mine}
spec: {packs: [own]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: own}
spec: {policy: own-rule, enforcementAction: warn}
"""


@pytest.fixture(scope="module")
def defaults():
    return load_policy_set()


def document(policy_set, text):
    loaded = load_project(memory_bundle({"compose.yaml": text.encode()}))
    loaded = HostResolver(policy_set.data).on_host(loaded, REVIEW.source.host)
    governance = Governance(policy_set.constraints)
    applying = Applicability(governance, REVIEW, loaded.project.name).by_policy
    return policy_input(loaded, REVIEW, applying)


def own_policy_set(folder, body):
    (folder / "own").mkdir()
    (folder / "own" / "policy.rego").write_text(RULE.replace("BODY", body))
    (folder / "policyset.yaml").write_text(SET)
    return load_policy_set(folder)


def may_report(policy_set, found):
    """Return the policies that report of the document `found`, or that an engine must evaluate."""
    known, asked = Relevance(policy_set).evaluate(found)
    return asked | {finding.policy for finding in known}


def test_on_a_quiet_project_no_default_policy_is_evaluated(defaults):
    assert may_report(defaults, document(defaults, QUIET)) == frozenset()


def test_policies_that_may_report_are_evaluated(defaults):
    found = may_report(defaults, document(defaults, LOUD))

    assert found >= {"no-privileged", "no-all-gpus", "require-gpu-driver"}
    assert len(found) < 6


def test_findings_are_those_of_the_engine_and_the_rest_is_asked(defaults):
    found = document(defaults, LOUD)
    engine = EmbeddedEngine(defaults.modules, defaults.data)
    reported = set(engine.findings(to_json(found)).findings)
    engine.close()

    known, asked = Relevance(defaults).evaluate(found)

    assert {finding.policy for finding in known} >= {"no-privileged", "no-all-gpus"}
    assert set(known) == {finding for finding in reported if finding.policy not in asked}
    assert len(known) == len(set(known))


SOME = "violation contains found if {{ some w in input.workloads; found := {} }}"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"msg": "m"}', Finding("own-rule", "m")),
        (
            '{"msg": w.title, "service": w.name, "path": ["a", 0], "constraint": "own"}',
            Finding("own-rule", "service web", "web", ("a", 0), "own"),
        ),
        ('{"msg": "m", "remediation": "r"}', Finding("own-rule", "m", remediation="r")),
        ('{"msg": "m", "other": 1}', None),
        ('{"msg": 1}', None),
        ('{"msg": "m", "path": ["a", true]}', None),
        ('{"msg": "m", "path": "a"}', None),
        ('{"service": "web"}', None),
        ('"m"', None),
    ],
)
def test_a_finding_has_the_shape_that_is_decoded_or_the_policy_is_asked(tmp_path, value, expected):
    policy_set = own_policy_set(tmp_path, VIOLATION)
    text = policy_set.modules["own/policy.rego"].replace(VIOLATION, SOME.format(value))
    # The lint refuses some of these.
    changed = {**policy_set.modules, "own/policy.rego": text}
    policy_set = msgspec.structs.replace(policy_set, modules=changed)

    known, asked = Relevance(policy_set).evaluate(document(policy_set, QUIET))

    assert known == ([expected] if expected else [])
    assert asked == (set() if expected else {"own-rule"})


def test_long_findings_are_left_to_the_engine(tmp_path):
    value = '{"msg": sprintf("%s %s", [w.labels.x, key])}; some key in w.cap_add'
    policy_set = own_policy_set(tmp_path, SOME.format(value))
    caps = ", ".join(f"C{number}" for number in range(40))
    text = f"services: {{web: {{image: a, labels: {{x: {'y' * 60_000}}}, cap_add: [{caps}]}}}}"

    known, asked = Relevance(policy_set).evaluate(document(policy_set, text))

    assert (known, asked) == ([], {"own-rule"})


GROWING = 'violation contains {{"msg": "m"}} if {{ some w in input.workloads; {} }}'


def doubled(first, step, last, times=40):
    """Return a rule with values of which each has the previous one twice."""
    steps = "\n".join(f"x{n} := {step.format(x=f'x{n - 1}')}" for n in range(1, times + 1))
    return GROWING.format(f"x0 := {first}\n{steps}\n{last.format(x=f'x{times}')}")


FUNCTIONS = "\n".join(
    ["f0(x) := x"]
    + [f"f{n}(x) := concat(``, [f{n - 1}(x), f{n - 1}(x), f{n - 1}(x)])" for n in range(1, 12)]
)


@pytest.mark.thorough
@pytest.mark.parametrize(
    "body",
    [
        doubled("w.name", 'concat("", [{x}, {x}])', '{x} == "a"'),
        doubled("w.name", 'sprintf("%s%s", [{x}, {x}])', '{x} == "a"'),
        doubled("w.name", 'replace({x}, "w", "wwwwwwwwww")', '{x} == "a"', 12),
        doubled("[w.name]", "array.concat({x}, {x})", "count({x}) == 1"),
        doubled("[w.name]", "[{x}, {x}]", "{x} == [{x}]"),
        doubled("[w.name]", "[{x}, {x}]", "{x} in [[w.name]]"),
        f"{FUNCTIONS}\n{GROWING.format('f11(substring(w.name, 0, 0)) == `a`')}",
    ],
)
def test_values_that_grow_without_end_are_left_to_the_engine(tmp_path, body):
    policy_set = own_policy_set(tmp_path, body)

    known, asked = Relevance(policy_set).evaluate(document(policy_set, QUIET))

    assert (known, asked) == ([], {"own-rule"})


ALWAYS = 'violation contains {"msg": "m"}'
LISTED = 'some name in [x | some x in ["a", "b"]]; name == w.name'
FUNCTION = "is_odd(w) if { every x in w.cap_add { x == `a` } }\n"


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (VIOLATION, set()),
        (f"{VIOLATION}\n{ALWAYS}\n", {"own-rule"}),
        (f"{VIOLATION}\n{ALWAYS} if count(input.workloads) > 0\n", {"own-rule"}),
        (f'{VIOLATION}\n{ALWAYS} if input["workloads"][0].tty\n', {"own-rule"}),
        (VIOLATION.replace("w.priv", "is_odd(w)\n\tw.priv") + f"\n{FUNCTION}", {"own-rule"}),
        (VIOLATION.replace("w.privileged", "w.privileged\n\tis_odd(w)") + f"\n{FUNCTION}", set()),
        (f"{VIOLATION}\n{ALWAYS} if {{ some w in input.workloads; {LISTED} }}\n", set()),
        (f'{VIOLATION}\nnone if count(input.constraints["own-rule"]) > 9\n', set()),
    ],
)
def test_bodies_of_own_policies(tmp_path, body, expected):
    policy_set = own_policy_set(tmp_path, body)

    assert may_report(policy_set, document(policy_set, QUIET)) == expected


@pytest.mark.thorough
@pytest.mark.parametrize(
    "text",
    [
        # Another module adds to the rule of the policy.
        'package policyd.policies.own_rule\n\nviolation contains {"msg": "m"}\n',
        'package policyd.policies\n\nown_rule.violation contains {"msg": "m"}\n',
        # Another module reads constraints in a way that is not known.
        "package policyd.lib.more\n\nx := count(input.constraints)\n",
        "package policyd.lib.more\n\nx := input\n",
        'package policyd.lib.more\n\nx := count(input.constraints["own-rule"])\n',
        'package policyd.lib.more\n\nx := $"{input}"\n',
    ],
)
def test_a_module_that_may_change_the_result_is_noticed(tmp_path, text):
    policy_set = own_policy_set(tmp_path, VIOLATION)
    modules = {**policy_set.modules, "own/more.rego": text}
    changed = msgspec.structs.replace(policy_set, modules=modules)

    found = may_report(changed, document(policy_set, QUIET))

    assert found == {"own-rule"}


def test_the_word_input_in_a_text_is_no_use_of_the_input(tmp_path):
    text = 'package policyd.lib.more\n\nx := ["its input", `input`] # input\n'
    policy_set = own_policy_set(tmp_path, VIOLATION)
    changed = msgspec.structs.replace(
        policy_set, modules={**policy_set.modules, "own/more.rego": text}
    )

    assert may_report(changed, document(policy_set, QUIET)) == set()


@pytest.mark.thorough
def test_rules_of_the_built_in_policies_are_read(tmp_path):
    policy_set = everything.policy_set(tmp_path)
    asked = may_report(policy_set, document(policy_set, QUIET))

    assert {"no-privileged", "no-docker-socket", "no-all-gpus"}.isdisjoint(asked)


@pytest.mark.slow
def test_decisions_are_the_same_with_and_without(tmp_path):
    """The samples of all policies, with every policy in force."""
    policy_set = everything.policy_set(tmp_path)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data)
    plain = Admission(engine, policy_set, lambda: "d-1")
    quick = Admission(engine, policy_set, lambda: "d-1", Relevance(policy_set))
    samples = sorted(built_in().glob("*/*/samples/*/compose.yaml"))
    assert len(samples) > 150
    for sample in samples:
        files = {
            path.relative_to(sample.parent).as_posix(): path.read_bytes()
            for path in sample.parent.rglob("*")
            if path.is_file()
        }
        loaded = prepare(memory_bundle(files))
        assert quick.decide(loaded, REVIEW) == plain.decide(loaded, REVIEW), sample
    engine.close()
