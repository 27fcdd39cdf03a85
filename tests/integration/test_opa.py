"""The same answers from a real OPA server as from the embedded engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policyd import opa_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.engines.opa import OpaEngine
from policyd.errors import ConfigError, EngineError
from policyd.model import Finding, to_json
from policyd.policies.policy_set import PolicySet, load_policy_set
from tests.support.opaserver import serving

pytestmark = pytest.mark.integration

INPUT = (
    b'{"review": {}, "constraints": {}, "workloads": [], "project": {}, "unresolved": [], '
    b'"notEvaluated": [], "requestedProfiles": []}'
)
EXAMPLES = Path(__file__).parents[2] / "deploy" / "examples"
TOKEN = "a-token-of-the-test"
POLICY = """package system.authz

default allow := false

allow if input.identity == "a-token-of-the-test"

allow if input.path == ["health"]
"""


FAILING = """# METADATA
# title: Fails
# description: Fails on a review whose uid is no number.
# custom:
#   id: fails
#   severity: low
#   remediation: Name a number.
package policyd.policies.fails

violation contains {"msg": "found", "service": "", "path": []} if to_number(input.review.uid) > 0
"""
PLAIN = """package main

deny contains msg if {
	some name, service in input.services
	startswith(service.image, "nginx")
	msg := sprintf("%v runs %v", [name, service])
}

warn contains {"msg": w.name, "service": w.name, "path": w.path, "more": 1} if {
	some w in input.workloads
}

violation contains input.review

violation contains {"msg": "placed wrongly", "path": "services.web"} if input.services
"""
POLICY_SET = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: test}
spec: {packs: [gpu, container, ./mine, plain]}
"""


@pytest.fixture(scope="module")
def policy_set(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    folder = tmp_path_factory.mktemp("policies")
    (folder / "mine" / "fails").mkdir(parents=True)
    (folder / "mine" / "fails" / "policy.rego").write_text(FAILING)
    (folder / "plain").mkdir()
    (folder / "plain" / "main.rego").write_text(PLAIN)
    (folder / "policyset.yaml").write_text(POLICY_SET)
    return load_policy_set(folder)


@pytest.fixture(scope="module")
def opa(policy_set: PolicySet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("opa")
    bundle, authorization = folder / "bundle.tar.gz", folder / "authz"
    bundle.write_bytes(opa_bundle.build(policy_set))
    authorization.mkdir()
    (authorization / ".manifest").write_text('{"roots": ["system/authz"]}')
    (authorization / "authz.rego").write_text(POLICY)
    options = ("--authentication=token", "--authorization=basic")
    with serving(bundle, authorization, options=options) as url:
        yield url


@pytest.mark.thorough
def test_findings_are_those_of_the_embedded_engine(opa: str, policy_set: PolicySet) -> None:
    engine = OpaEngine(opa, policy_set.revision, token=TOKEN)
    embedded = EmbeddedEngine(policy_set.modules, policy_set.data)

    assert engine.findings(INPUT) == embedded.findings(INPUT)


def test_plain_rules_of_conftest_find_the_same_on_both(opa: str, policy_set: PolicySet) -> None:
    asked = [{"name": "c", "parameters": {}}]
    document = msgspec.json.decode(INPUT) | {
        "constraints": {"main-deny": asked, "main-warn": asked, "main-violation": asked},
        "project": {"services": {"web": {"image": "nginx", "ports": [], "cpus": 1.5}}},
        "workloads": [{"name": "web", "path": ["services", "web"]}],
    }

    answers = [
        engine.findings(to_json(document))
        for engine in (
            OpaEngine(opa, policy_set.revision, token=TOKEN),
            EmbeddedEngine(policy_set.modules, policy_set.data),
        )
    ]

    assert answers[0] == answers[1]
    assert set(answers[0].findings) == {
        Finding("main-deny", 'web runs {"cpus": 1.5, "image": "nginx", "ports": []}'),
        Finding("main-violation", "placed wrongly"),
        Finding("main-violation", "the rule returned neither a string nor an object with msg"),
        Finding("main-warn", "web", "web", ("services", "web")),
    }


def test_another_revision_is_an_engine_error(opa: str) -> None:
    with pytest.raises(EngineError, match="the policy set in force is sha256:other"):
        OpaEngine(opa, "sha256:other", token=TOKEN).findings(INPUT)


def test_a_token_that_is_not_accepted_is_an_engine_error(opa: str, policy_set: PolicySet) -> None:
    with pytest.raises(EngineError, match="status 401"):
        OpaEngine(opa, policy_set.revision).findings(INPUT)


def test_a_builtin_that_fails_is_an_engine_error(opa: str, policy_set: PolicySet) -> None:
    review = b'{"uid": "no number"}'
    constraints = b'{"fails": [{"name": "fails", "parameters": {}}]}'
    failing = INPUT.replace(b'"review": {}', b'"review": ' + review)
    failing = failing.replace(b'"constraints": {}', b'"constraints": ' + constraints)

    with pytest.raises(EngineError, match=r"status 500: .*to_number"):
        OpaEngine(opa, policy_set.revision, token=TOKEN).findings(failing)


def test_a_server_that_is_not_there_is_an_engine_error() -> None:
    with pytest.raises(EngineError, match="no connection"):
        OpaEngine("http://127.0.0.1:9", "sha256:x").findings(INPUT)


@pytest.mark.parametrize("url", ["127.0.0.1:8181", "ftp://host", "http://", "http://host?x=1"])
def test_an_address_that_is_no_server_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="engine_url"):
        OpaEngine(url, "sha256:x")


@pytest.mark.slow
def test_check_asks_a_stock_opa_that_serves_what_bundle_build_wrote(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar.gz"
    project = EXAMPLES / "device-reservation" / "denied"
    _policyd("bundle", "build", "-o", str(bundle))

    with serving(bundle) as url:
        asked = {"POLICYD_ENGINE": "opa", "POLICYD_ENGINE_URL": url}
        theirs = _decision(_policyd("check", "--format", "json", str(project), **asked))
    ours = _decision(_policyd("check", "--format", "json", str(project)))

    assert (theirs.pop("engine"), ours.pop("engine")) == ("opa", "embedded")
    assert theirs == ours
    assert [violation["policy"] for violation in ours["violations"]] == ["no-all-gpus"]


def _policyd(*arguments: str, **environment: str) -> str:
    command = [sys.executable, "-m", "policyd", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | environment
    )
    assert done.stderr == ""
    return done.stdout


def _decision(answer: str) -> dict[str, Any]:
    (decision,) = json.loads(answer)["decisions"]
    return {key: value for key, value in decision.items() if key not in ("uid", "decisionId")}


@pytest.mark.thorough
def test_a_bundle_is_the_same_bytes_for_the_same_policy_set() -> None:
    assert opa_bundle.build(load_policy_set()) == opa_bundle.build(load_policy_set())
