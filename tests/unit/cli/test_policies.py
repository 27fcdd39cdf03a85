from __future__ import annotations

import json

import pytest

from policyd.formats.catalogue import markdown, section
from policyd.policies.policy_set import load_policy_set


def test_the_catalogue_names_every_policy_with_its_action(run) -> None:
    result = run("policies")

    lines = result.stdout.splitlines()
    rows = {line.split()[0]: line.split()[1:4] for line in lines[3:]}
    assert result.exit_code == 0
    assert lines[0].startswith("Policy set default, sha256:")
    assert rows["no-all-gpus"] == ["high", "deny", "gpu"]
    assert rows["no-privileged"] == ["critical", "deny", "container"]
    assert sorted(rows) == sorted(load_policy_set().policies)


def test_list_has_the_policies_in_force(run) -> None:
    result = run("policies", "list", "--level", "baseline")

    rows = {line.split()[0]: line.split()[2] for line in result.stdout.splitlines()[3:]}
    assert result.exit_code == 0
    assert result.stdout.startswith("Policy set baseline, sha256:")
    assert (rows["no-privileged"], rows["require-image-tag"]) == ("deny", "warn")
    assert "require-user" not in rows
    assert set(rows.values()) <= {"deny", "warn", "deny,warn"}


def test_one_policy_is_shown_with_its_fix_and_where_it_comes_from(run) -> None:
    result = run("policies", "no-all-gpus")

    assert result.stdout.startswith("no-all-gpus: All GPUs of the host\n")
    assert "severity:    high\n" in result.stdout
    assert "source:      gpu/no_all_gpus/policy.rego\n" in result.stdout
    assert "fix:         Name the GPUs" in result.stdout
    assert "references:\n  NVIDIA Container Toolkit" in result.stdout


def test_json_has_the_same(run) -> None:
    everything = json.loads(run("policies", "--format", "json").stdout)
    one = json.loads(run("policies", "no-all-gpus", "--format", "json").stdout)

    assert everything["kind"] == "PolicyList"
    assert one in everything["items"]
    assert one["constraints"][0]["actions"] == {"default": "deny"}


def test_an_unknown_policy_is_exit_2_with_a_near_one_named(run) -> None:
    near, far = run("policies", "no-all-gpu"), run("policies", "xyz")

    assert near.exit_code == far.exit_code == 2
    assert near.stderr.endswith("did you mean no-all-gpus?\n")
    assert far.stderr.endswith("`policyd policies` lists all of them\n")


def test_show_may_be_said_or_left_out(run) -> None:
    assert run("policies", "show", "no-all-gpus").stdout == run("policies", "no-all-gpus").stdout
    assert run("policies", "show").stdout == run("policies").stdout


def test_markdown_is_the_catalogue_or_the_section_of_one_policy(run) -> None:
    policies = load_policy_set().policies

    assert run("policies", "--format", "markdown").stdout == markdown(policies.values())
    one = run("policies", "no-all-gpus", "--format", "markdown")
    assert one.stdout == section(policies["no-all-gpus"])


HEADING = (
    "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: t}\nspec: {packs: [gpu, mine]}\n"
)
CONSTRAINT = """---
apiVersion: policyd/v1
kind: Constraint
metadata: {{name: {0}}}
spec: {{policy: {1}, enforcementAction: {2}}}
"""
RULE = """# METADATA
# title: Foreign image
# description: For a test.
# custom:
#   id: foreign
#   severity: low
#   remediation: Mirror it.
package policyd.policies.foreign

violation contains {"msg": "foreign"} if {
\tinput.nothing
}
"""


@pytest.mark.slow
def test_lint_of_what_comes_with_policyd_finds_nothing(run) -> None:
    result = run("policies", "lint")

    assert (result.exit_code, result.stdout) == (0, "no problems\n")


@pytest.mark.thorough
def test_lint_tells_every_problem_with_its_place_and_exits_1(run, folder) -> None:
    (folder / "rules" / "mine").mkdir(parents=True)
    constraints = CONSTRAINT.format("a", "no-all-gpu", "deny")
    constraints += CONSTRAINT.format("b", "no-all-gpus", "denied")
    (folder / "rules" / "policyset.yaml").write_text(HEADING + constraints)

    documents = run("policies", "lint", "rules")
    (folder / "rules" / "mine" / "a.rego").write_text(RULE + "\nx := time.now_ns()\n")
    (folder / "rules" / "mine" / "b.rego").write_text("package policyd.lib.b\n\nx if {\n")
    modules = run("policies", "lint", "rules/policyset.yaml")
    alone = run("policies", "lint", "--policy-set", "nosuch", "rules/mine")

    assert [result.exit_code for result in (documents, modules, alone)] == [1, 1, 1]
    assert documents.stdout.splitlines() == [
        "rules/policyset.yaml:9:16: spec.policy is 'no-all-gpu', but no pack of this policy set "
        "has it; did you mean no-all-gpus?",
        "rules/policyset.yaml:14:48: spec.enforcementAction is 'denied': it must be one of deny, "
        "warn, dryrun",
        "2 problems",
    ]
    places = ["rules/mine/a.rego:11:2", "rules/mine/a.rego:14:6", "rules/mine/b.rego:4:1"]
    for result in (modules, alone):
        found = [line.partition(": ")[0] for line in result.stdout.splitlines()]
        assert [place for place in found if "mine" in place] == places


@pytest.mark.thorough
def test_lint_where_nothing_is_is_exit_2(run, folder) -> None:
    (folder / "empty").mkdir()

    assert run("policies", "lint", "nosuch").exit_code == 2
    result = run("policies", "lint", "empty")
    assert result.stdout.splitlines() == [
        "empty: the folder contains neither policyset.yaml nor Rego files",
        "1 problem",
    ]


def test_lint_of_a_rego_file_names_what_to_lint(run, folder) -> None:
    (folder / "policy.rego").write_text("package x\n")

    result = run("policies", "lint", "policy.rego")

    assert result.exit_code == 2
    assert result.stderr.endswith(
        "\nError: policy.rego is a Rego file; name the folder of its pack\n"
    )


@pytest.mark.thorough
def test_new_writes_a_policy_and_says_how_to_run_it(run, folder) -> None:
    result = run("policies", "new", "own-images", "rules", "--pack", "images")
    again = run("policies", "new", "own-images", "rules", "--pack", "images")

    assert (result.exit_code, again.exit_code) == (0, 2)
    assert result.stdout.splitlines() == [
        "rules/images/own_images/policy.rego",
        "rules/images/own_images/policy_test.rego",
        "rules/images/own_images/samples/denied/compose.yaml",
        "rules/images/own_images/samples/allowed/compose.yaml",
        "rules/policyset.yaml",
        "",
        "Run `policyd test rules` and `policyd policies lint rules`.",
        "To see how it evaluates a project, run "
        "`policyd eval own-images --trace --policy-set rules` there.",
    ]
    assert run("test", "rules").exit_code == 0
    assert run("policies", "lint", "rules").stdout == "no problems\n"
