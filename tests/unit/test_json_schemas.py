"""The published schemas take what is read, and refuse what is refused."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from policyd.errors import PolicySetError
from policyd.grants.resolution import GrantResolver
from policyd.json_schemas import SCHEMAS, policy_input
from policyd.loading import load_project
from policyd.model import Review
from policyd.policies.applicability import Applicability, Governance
from policyd.policies.packs import built_in
from policyd.policies.parameters import defaults
from policyd.policies.policy_set import load_policy_set
from policyd.policies.yaml_documents import documents
from policyd.policy_input import review_input
from tests.corpus import corpus
from tests.support import everything
from tests.support.cases import cases

PACKS = sorted({path.parents[1].name for path in built_in().glob("*/*/policy.rego")})
POLICY_SET: dict[str, Any] = {
    "apiVersion": "policyd/v1",
    "kind": "PolicySet",
    "metadata": {"name": "team"},
    "spec": {
        "packs": PACKS,
        "data": [],
        "exceptions": {"maxDays": {"default": 90, "no-privileged": 14}},
    },
}
CONSTRAINT: dict[str, Any] = {
    "apiVersion": "policyd/v1",
    "kind": "Constraint",
    "metadata": {"name": "c"},
    "spec": {
        "policy": "no-all-gpus",
        "enforcementAction": {"default": "deny", "cli": "dryrun"},
        "match": {"repositories": ["ml/**"], "services": ["web"], "operations": ["CREATE", "*"]},
        "exclude": {"projects": ["x"], "environments": ["dev"]},
        "parameters": {},
        "maxLease": "30d",
    },
}
EXCEPTION: dict[str, Any] = {
    "apiVersion": "policyd/v1",
    "kind": "Exception",
    "metadata": {"name": "e"},
    "spec": {
        "policies": ["no-all-gpus"],
        "match": {"repositories": ["ml/train"], "paths": ["services/*/gpus"]},
        "starts": "2027-01-01T00:00:00Z",
        "expires": "2027-01-31T00:00:00Z",
        "owner": "ml-infra",
        "reason": "Until the scheduler lands",
        "approvedBy": "security@acme",
    },
}
BREAK_GLASS = EXCEPTION | {
    "spec": {key: value for key, value in EXCEPTION["spec"].items() if key != "policies"}
    | {"breakGlass": True, "expires": "2027-01-01T12:00:00Z"}
}
DOCUMENTS = {"policyset": POLICY_SET, "constraint": CONSTRAINT, "exception": EXCEPTION}

Change = Callable[[dict[str, Any]], object]


def schema(name: str) -> dict[str, Any]:
    return SCHEMAS[name](load_policy_set().policies)


@pytest.fixture(scope="module")
def validators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A validator of each schema, for a policy set with every built-in policy."""
    policies = everything.policy_set(tmp_path_factory.mktemp("set")).policies
    return {
        name: jsonschema_rs.Draft202012Validator(make(policies), validate_formats=True)
        for name, make in SCHEMAS.items()
    }


def is_read(folder: Path, document: dict[str, Any]) -> bool:
    """Say whether a policy set with `document` is loaded."""
    others = [] if document["kind"] == "PolicySet" else [POLICY_SET]
    file = folder / "policyset.yaml"
    file.write_text("---\n".join(json.dumps(one) + "\n" for one in [*others, document]))
    try:
        load_policy_set(file)
    except PolicySetError:
        return False
    return True


@cases("name", SCHEMAS)
def test_each_is_a_schema(name: str) -> None:
    found = schema(name)

    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert jsonschema_rs.meta.is_valid(found)


@pytest.mark.thorough
@pytest.mark.parametrize("document", [POLICY_SET, CONSTRAINT, EXCEPTION, BREAK_GLASS])
def test_document_that_is_read_fits(
    validators: dict[str, Any], tmp_path: Path, document: dict[str, Any]
) -> None:
    assert is_read(tmp_path, document)
    validators["policyset"].validate(document)
    name = document["kind"].lower()
    validators[name].validate(document)


def test_parameters_that_are_read_fit(validators: dict[str, Any], tmp_path: Path) -> None:
    document = copy.deepcopy(CONSTRAINT)
    document["spec"] |= {"policy": "max-gpus", "parameters": {"limit": 8, "service_limit": -1}}

    assert is_read(tmp_path, document)
    validators["constraint"].validate(document)


def ours() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the documents of policy sets that we ship or show, and the name of their file."""
    page = (built_in().parent / "docs" / "policy-sets.md").read_text()
    shown = re.findall(r"^```yaml\n(apiVersion: policyd/v1.*?)^```$", page, re.M | re.S)
    texts = [("policy-sets", text) for text in shown]
    texts.append(("default", (built_in() / "default.yaml").read_text()))
    for where, text in texts:
        for value in documents(text, where):
            yield where, value.plain()


def test_documents_that_we_ship_and_show_fit(validators: dict[str, Any]) -> None:
    found = list(ours())

    assert {where for where, _ in found} == {"policy-sets", "default"}
    for _, document in found:
        if document["spec"].get("policy") != "own-images":
            validators["policyset"].validate(document)


def test_data_that_we_ship_fits(validators: dict[str, Any]) -> None:
    validators["data"].validate(yaml.safe_load((built_in() / "data.yaml").read_text()))


REFUSED: dict[str, tuple[dict[str, Any], Change]] = {
    "another version": (CONSTRAINT, lambda d: d.update(apiVersion="v1")),
    "another kind": (CONSTRAINT, lambda d: d.update(kind="Rule")),
    "a key beside spec": (CONSTRAINT, lambda d: d.update(status={})),
    "no name": (CONSTRAINT, lambda d: d["metadata"].clear()),
    "no packs": (POLICY_SET, lambda d: d["spec"].update(packs=[])),
    "days below one": (POLICY_SET, lambda d: d["spec"]["exceptions"].update(maxDays=0)),
    "days of no policy": (POLICY_SET, lambda d: d["spec"]["exceptions"]["maxDays"].update(x=1)),
    "lease without unit": (CONSTRAINT, lambda d: d["spec"].update(maxLease="30")),
    "unknown policy": (CONSTRAINT, lambda d: d["spec"].update(policy="no-such")),
    "unknown action": (CONSTRAINT, lambda d: d["spec"].update(enforcementAction="block")),
    "action without default": (
        CONSTRAINT,
        lambda d: d["spec"].update(enforcementAction={"cli": "deny"}),
    ),
    "empty list of globs": (CONSTRAINT, lambda d: d["spec"]["match"].update(repositories=[])),
    "unknown operation": (CONSTRAINT, lambda d: d["spec"]["match"].update(operations=["PUSH"])),
    "paths in a constraint": (CONSTRAINT, lambda d: d["spec"]["match"].update(paths=["*"])),
    "excluded service": (CONSTRAINT, lambda d: d["spec"]["exclude"].update(services=["*"])),
    "excluded project alone": (CONSTRAINT, lambda d: d["spec"].update(exclude={"projects": ["x"]})),
    "parameter of no policy": (CONSTRAINT, lambda d: d["spec"].update(parameters={"limit": 1})),
    "parameter of a wrong type": (
        CONSTRAINT,
        lambda d: d["spec"].update(policy="max-gpus", parameters={"service_limit": "many"}),
    ),
    "no expiry": (EXCEPTION, lambda d: d["spec"].pop("expires")),
    "expiry that is no time": (EXCEPTION, lambda d: d["spec"].update(expires="soon")),
    "no approver": (EXCEPTION, lambda d: d["spec"].pop("approvedBy")),
    "no policies": (EXCEPTION, lambda d: d["spec"].pop("policies")),
    "match by authors alone": (
        EXCEPTION,
        lambda d: d["spec"].update(match={"services": ["a"], "operations": ["CREATE"]}),
    ),
    "break-glass of one policy": (EXCEPTION, lambda d: d["spec"].update(breakGlass=True)),
    "break-glass without a start": (BREAK_GLASS, lambda d: d["spec"].pop("starts")),
}


@pytest.mark.thorough
@pytest.mark.parametrize("mistake", REFUSED)
def test_document_that_is_refused_does_not_fit(
    validators: dict[str, Any], tmp_path: Path, mistake: str
) -> None:
    right, change = REFUSED[mistake]
    wrong = copy.deepcopy(right)
    change(wrong)

    assert not is_read(tmp_path, wrong)
    assert not validators["policyset"].is_valid(wrong)
    assert not validators[right["kind"].lower()].is_valid(wrong)


@pytest.mark.thorough
def test_inputs_of_all_labelled_projects_fit(validators: dict[str, Any]) -> None:
    review = Review(uid="1", enforcement_point="ci", now=1)
    policy_set = load_policy_set()
    constraints, grants = policy_set.constraints, GrantResolver(policy_set.data)
    for labelled in corpus.read():
        if labelled.kind != "invalid":
            loaded = load_project(labelled.case.bundle())
            applicability = Applicability(Governance(constraints), review, loaded.project.name)
            granted = grants.with_grants(loaded)
            text = review_input(granted, review, applicability.by_policy)
            validators["input"].validate(json.loads(text))


@cases(
    "change",
    [
        lambda d: d.pop("workloads"),
        lambda d: d.update(more=1),
        lambda d: d["workloads"][0].pop("runtime"),
        lambda d: d["workloads"][0].update(replicas="2"),
        lambda d: d["review"].update(enforcementPoint="body"),
    ],
)
def test_input_with_another_shape_does_not_fit(validators: dict[str, Any], change: Change) -> None:
    review = Review(uid="1", enforcement_point="ci", now=1)
    loaded = load_project(corpus.read()[0].case.bundle())
    found = json.loads(review_input(loaded, review, {}))
    assert validators["input"].is_valid(found)

    change(found)

    assert not validators["input"].is_valid(found)


def test_the_input_has_the_parameters_of_each_policy() -> None:
    policies = load_policy_set().policies
    validator = jsonschema_rs.validator_for(policy_input(policies))
    review = Review(uid="1", enforcement_point="ci", now=1)
    loaded = load_project(corpus.read()[0].case.bundle())
    document = json.loads(review_input(loaded, review, {}))
    policy = next(policy for policy in policies.values() if policy.parameters)
    asked = {"name": "c", "parameters": defaults(policy.parameters)}

    for constraints, fits in (
        ({policy.id: [asked]}, True),
        ({policy.id: [asked | {"parameters": {}}]}, False),
        ({policy.id: [asked | {"parameters": asked["parameters"] | {"more": 1}}]}, False),
        ({"no-such-policy": []}, False),
    ):
        assert validator.is_valid(document | {"constraints": constraints}) is fits
