"""Plain rules of conftest as policies: their names, what is done about them, what they may give."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from policyd import opa_bundle
from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import PolicySetError
from policyd.loading import prepare
from policyd.model import Decision, Location, Review
from policyd.policies.policy_set import PolicySet, lint_policy_set, load_policy_set
from policyd.rego_tests import run

HEADING = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: team}
spec: {packs: [rules]}
"""
CONSTRAINT = """---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: quiet}
spec: {policy: main-deny, enforcementAction: dryrun, match: {environments: [dev]}}
"""
MAIN = """package main

import data.lib.images

deny contains msg if {
	some name, service in input.services
	images.is_foreign(service.image)
	msg := sprintf("%v is foreign", [name])
}

warn_root contains {"msg": "root", "service": w.name, "path": ["services", w.name, "user"]} if {
	some w in input.workloads
	w.user == "root"
}

helper contains 1 if input.services

is_deny(x) if x
"""
IMAGES = """package lib.images

is_foreign(image) if not startswith(image, "registry.example/")
"""
COMPOSE = "services:\n  web:\n    image: nginx\n    user: root\n"

Load = Callable[[Mapping[str, str]], PolicySet]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a policy set whose pack `rules` has these files, beside policyset.yaml where given."""

    def loaded(files: Mapping[str, str]) -> PolicySet:
        for name, text in {"policyset.yaml": HEADING, **files}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return load_policy_set(tmp_path)

    return loaded


PACK = {"rules/main.rego": MAIN, "rules/images.rego": IMAGES}


def judge(policy_set: PolicySet) -> Decision:
    engine = EmbeddedEngine(policy_set.modules, policy_set.data)
    review = Review(uid="1", enforcement_point="ci", now=1)
    try:
        bundle = memory_bundle({"compose.yaml": COMPOSE.encode()})
        return Admission(engine, policy_set).decide(prepare(bundle), review)
    finally:
        engine.close()


def test_each_rule_is_a_policy_named_after_package_and_rule(load: Load) -> None:
    policies = load(PACK).policies

    assert sorted(policies) == ["main-deny", "main-warn-root"]
    policy = policies["main-warn-root"]
    assert (policy.rule, policy.severity, policy.pack) == ("data.main.warn_root", "medium", "rules")
    assert policy.title == "Rule warn_root of the package main"
    assert policy.module == "rules/main.rego"


def test_rules_of_one_name_in_several_files_of_a_package_are_one_policy(load: Load) -> None:
    more = 'package main\n\ndeny contains "more" if input.services\n'

    policy_set = load(PACK | {"rules/more.rego": more})

    assert sorted(policy_set.policies) == ["main-deny", "main-warn-root"]
    assert {v.message for v in judge(policy_set).violations} >= {"more", "web is foreign"}


def test_deny_denies_and_warn_warns_without_a_constraint(load: Load) -> None:
    decision = judge(load(PACK))

    assert not decision.allowed
    found = {
        v.policy: (v.enforcement_action, v.message, v.service, v.location)
        for v in decision.violations
    }
    assert found == {
        "main-deny": ("deny", "web is foreign", "", None),
        "main-warn-root": ("warn", "root", "web", Location("compose.yaml", 4, 11)),
    }


def test_a_constraint_that_names_the_rule_says_what_is_done(load: Load) -> None:
    decision = judge(load(PACK | {"policyset.yaml": HEADING + CONSTRAINT}))

    assert decision.allowed
    assert [(v.policy, v.constraint, v.enforcement_action) for v in decision.violations] == [
        ("main-deny", "quiet", "dryrun"),
        ("main-warn-root", "main-warn-root", "warn"),
    ]


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("result", "message", "service", "path"),
    [
        ('"a text"', "a text", "", ()),
        ('{"msg": "m", "details": {"a": 1}}', "m", "", ()),
        ('{"msg": "m", "service": "web", "path": ["services", "web", 0]}', "m", "web", (
            "services", "web", 0)),
        ('{"msg": "m", "service": "web", "path": "services.web"}', "m", "", ()),
        ('{"msg": "m", "service": "web", "path": ["services", 1.5]}', "m", "", ()),
        ('{"msg": "m", "policy": "no-privileged", "constraint": "x"}', "m", "", ()),
        ('{"msg": 1}', "the rule returned neither a string nor an object with msg", "", ()),
        ("42", "the rule returned neither a string nor an object with msg", "", ()),
        ("null", "the rule returned neither a string nor an object with msg", "", ()),
    ],
)  # fmt: skip
def test_whatever_a_rule_gives_is_reported(
    load: Load, result: str, message: str, service: str, path: tuple[object, ...]
) -> None:
    policy_set = load(
        {"rules/main.rego": f"package main\n\ndeny contains {result} if input.name\n"}
    )

    (violation,) = judge(policy_set).violations

    assert violation.policy == "main-deny"
    assert (violation.message, violation.service, violation.path) == (message, service, path)


def test_rules_that_two_packages_give_one_id_are_refused(load: Load) -> None:
    rule = "package {}\n\ndeny contains 1 if input.services\n"
    files = {"rules/a.rego": rule.format("a.b"), "rules/b.rego": rule.format("a_b")}

    with pytest.raises(PolicySetError, match="duplicate policy 'a-b-deny': it is already in"):
        load(files)


def test_a_bundle_owns_the_packages_of_plain_rules(load: Load) -> None:
    content = opa_bundle.build(load(PACK))

    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile("/.manifest")
        assert member
        assert json.load(member)["roots"] == ["lib", "main", "policyd"]


def test_their_tests_and_samples_run(load: Load, tmp_path: Path) -> None:
    test = """package main_test

import data.main

test_nginx_is_foreign if {
	main.deny == {"web is foreign"} with input.services as {"web": {"image": "nginx"}}
}
"""
    load(PACK)
    (tmp_path / "rules" / "main_test.rego").write_text(test)
    (tmp_path / "rules" / "samples").mkdir()
    (tmp_path / "rules" / "samples" / "web.yaml").write_text(
        f"# expect: main-deny main-warn-root\n{COMPOSE}"
    )

    assert [result.message for result in run([tmp_path / "rules"])] == ["", ""]


def test_the_rule_exception_of_conftest_is_a_warning_because_it_has_no_effect(
    load: Load, tmp_path: Path
) -> None:
    rule = 'package main\n\ndeny contains "no" if input.services\n\nexception contains ["x"]\n'
    load({"rules/main.rego": rule})

    warnings = [str(one) for one in lint_policy_set(tmp_path)]

    assert warnings == [
        f"{tmp_path}/rules/main.rego:5:1: warning: the rule exception of conftest has no effect "
        "here; write a document `kind: Exception` in the policy set, with an owner and an expiry"
    ]
