"""The same answers from a real OPA server as from the embedded engine."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from policyd import opabundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.engines.opa import OpaEngine
from policyd.errors import ConfigError, EngineError
from policyd.policies import PolicySet, load_policy_set
from tests.opaserver import serving

pytestmark = pytest.mark.integration

INPUT = (
    b'{"review": {}, "constraints": {}, "workloads": [], "project": {}, "unresolved": [], '
    b'"notEvaluated": []}'
)
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
POLICY_SET = """apiVersion: policyd/v1
kind: PolicySet
metadata: {name: test}
spec: {packs: [gpu, container, ./mine]}
"""


@pytest.fixture(scope="module")
def policy_set(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    folder = tmp_path_factory.mktemp("policies")
    (folder / "mine" / "fails").mkdir(parents=True)
    (folder / "mine" / "fails" / "policy.rego").write_text(FAILING)
    (folder / "policyset.yaml").write_text(POLICY_SET)
    return load_policy_set(folder)


@pytest.fixture(scope="module")
def opa(policy_set: PolicySet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("opa")
    bundle, authorization = folder / "bundle.tar.gz", folder / "authz"
    bundle.write_bytes(opabundle.build(policy_set))
    authorization.mkdir()
    (authorization / ".manifest").write_text('{"roots": ["system/authz"]}')
    (authorization / "authz.rego").write_text(POLICY)
    options = ("--authentication=token", "--authorization=basic")
    with serving(bundle, authorization, options=options) as url:
        yield url


def test_findings_are_those_of_the_embedded_engine(opa: str, policy_set: PolicySet) -> None:
    engine = OpaEngine(opa, policy_set.revision, token=TOKEN)
    embedded = EmbeddedEngine(policy_set.modules, policy_set.data)

    assert engine.findings(INPUT) == embedded.findings(INPUT)


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


def test_a_bundle_is_the_same_bytes_for_the_same_policy_set() -> None:
    assert opabundle.build(load_policy_set()) == opabundle.build(load_policy_set())
