from __future__ import annotations

import json

import pytest

from policyd.json_schemas import SCHEMAS
from policyd.model import to_json
from policyd.policies.policy_set import load_policy_set


@pytest.mark.thorough
@pytest.mark.parametrize("name", SCHEMAS)
def test_each_schema_is_printed(run, name: str) -> None:
    policies = load_policy_set().policies

    result = run("schema", name)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == json.loads(to_json(SCHEMAS[name](policies)))


def test_policies_are_those_of_the_policy_set_even_while_a_document_is_wrong(run, folder) -> None:
    (folder / "set.yaml").write_text(
        "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: t}\nspec: {packs: [container]}\n"
        "---\napiVersion: policyd/v1\nkind: Constraint\n"
    )

    schema = json.loads(run("schema", "constraint", "--policy-set", "set.yaml").stdout)

    known = schema["properties"]["spec"]["properties"]["policy"]["enum"]
    assert "no-privileged" in known
    assert "no-all-gpus" not in known


def test_an_unknown_schema_is_exit_2(run) -> None:
    result = run("schema", "workload")

    assert result.exit_code == 2
    assert result.stderr == (
        "Usage: policyd schema [OPTIONS] DOCUMENT\n"
        "Try 'policyd schema --help' for help.\n\n"
        "Error: Invalid value for 'DOCUMENT': 'workload' is not one of 'input', 'policyset', "
        "'constraint', 'exception', 'data', 'decision', 'grant', 'record'.\n"
    )
