"""Both engines give one answer to everything there is: labelled projects and samples."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import requests

from policyd import opa_bundle
from policyd.engines import QUERY
from policyd.engines.embedded import interpreter
from policyd.host_resolver import HostResolver
from policyd.loading import load_project
from policyd.model import Review, Source
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.packs import built_in
from policyd.policies.policy_set import PolicySet, merge_data
from policyd.policy_input import review_input
from policyd.rego_tests import run, sample_data, sample_files, sample_input
from tests.corpus import corpus
from tests.corpus.corpus import Labelled
from tests.support import everything, opaserver

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_VALID = [labelled for labelled in corpus.read() if labelled.kind != "invalid"]
REVIEW = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)


@pytest.fixture(scope="module")
def policy_set(tmp_path_factory: pytest.TempPathFactory) -> PolicySet:
    """Every built-in policy, with the data of its samples and of the labelled projects."""
    found = everything.policy_set(tmp_path_factory.mktemp("policies"))
    data = sample_data([built_in()], found.data)
    merge_data(data, _facts_of_corpus(), Path("corpus"))
    return msgspec.structs.replace(found, data=data)


@pytest.fixture(scope="module")
def opa(policy_set: PolicySet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    bundle = tmp_path_factory.mktemp("opa") / "bundle.tar.gz"
    bundle.write_bytes(opa_bundle.build(policy_set))
    with opaserver.serving(bundle) as url:
        yield url


def test_labelled_projects_get_the_same_findings_from_both(opa: str, policy_set: PolicySet) -> None:
    inputs = dict(_of_corpus(policy_set))

    assert len(inputs) > 300
    assert _differing(opa, policy_set, inputs) == {}


def test_samples_get_the_same_findings_from_both(opa: str, policy_set: PolicySet) -> None:
    samples = sample_files(built_in())
    hosts = HostResolver(policy_set.data)
    inputs = {
        str(file): sample_input(file, policy_set.policies.values(), hosts) for file in samples
    }

    assert {path.parents[2].name.replace("_", "-") for path in samples} == set(policy_set.policies)
    assert _differing(opa, policy_set, inputs) == {}


@pytest.mark.parametrize("mode", [[], ["--bundle"]])
def test_opa_test_runs_the_same_tests_of_our_policies_and_they_pass(mode: list[str]) -> None:
    command = [opaserver.opa(), "test", "--format", "json", *mode, str(built_in())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    results = json.loads(done.stdout)
    assert [result for result in results if result.get("fail") or result.get("error")] == []
    ours = [result.name for result in run([built_in()]) if result.name.startswith("data.")]
    assert sorted(f"{result['package']}.{result['name']}" for result in results) == sorted(ours)


def _of_corpus(policy_set: PolicySet) -> Iterator[tuple[str, bytes]]:
    hosts = HostResolver(policy_set.data)
    for labelled in _VALID:
        loaded = load_project(labelled.case.bundle())
        review = msgspec.structs.replace(REVIEW, source=Source(host=_host(labelled)))
        name = loaded.project.name
        constraints = Applicability(Governance(policy_set.constraints), review, name).by_policy
        granted = hosts.on_host(loaded, review.source.host)
        yield labelled.case.name, review_input(granted, review, constraints)


def _host(labelled: Labelled) -> str:
    """Return the name of the host of a case among the hosts of all cases."""
    return f"{labelled.case.name}-{labelled.host}" if labelled.host else ""


def _facts_of_corpus() -> dict[str, Any]:
    """Return the hosts and the entitlements of all cases, as data of a policy set."""
    hosts = {
        f"{labelled.case.name}-{name}": host
        for labelled in _VALID
        for name, host in labelled.case.options.get("hosts", {}).items()
    }
    entitlements = {
        f"{labelled.case.name}-{name}": entitlement
        for labelled in _VALID
        for name, entitlement in labelled.case.options.get("entitlements", {}).items()
    }
    return {"policyd": {"inventory": {"hosts": hosts}, "entitlements": entitlements}}


def _differing(
    url: str, policy_set: PolicySet, inputs: dict[str, bytes]
) -> dict[str, tuple[str, str]]:
    """Return what the engines answered, as canonical JSON, where it is not the same text."""
    embedded = interpreter(policy_set.modules, policy_set.data)
    rule = f"{url}/v1/{QUERY.replace('.', '/')}"
    differing = {}
    with requests.Session() as session:
        for name, document in inputs.items():
            embedded.set_input_json(document.decode())
            ours = _canonical(json.loads(embedded.eval_rule_as_json(QUERY)))
            answer = session.post(
                rule,
                data=b'{"input":' + document + b"}",
                params={"strict-builtin-errors": "true"},
            )
            theirs = _canonical(answer.json().get("result", answer.text))
            if ours != theirs:
                differing[name] = (ours, theirs)
    return differing


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
