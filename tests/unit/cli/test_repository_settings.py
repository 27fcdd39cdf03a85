"""What `.policyd.yaml` in the root of a repository does to commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.repositories import commit, git, repository

CLEAN = "services:\n  web:\n    image: nginx\n"
OVERLAY = "services:\n  web:\n    privileged: true\n"
SET = (
    "apiVersion: policyd/v1\nkind: PolicySet\nmetadata: {name: ours}\nspec: {packs: [container]}\n"
    "---\napiVersion: policyd/v1\nkind: Constraint\nmetadata: {name: c}\n"
    "spec: {policy: no-privileged, enforcementAction: deny, match: {environments: [prod]}}\n"
)
FILE = """\
policySet: rules
projects:
  - files: [compose.yaml, compose.prod.yaml]
    environment: prod
  - files: [compose.yaml, compose.prod.yaml]
    environment: dev
reports: {json: report.json}
"""


@pytest.fixture
def repo(folder: Path) -> Path:
    repository(folder)
    texts = {"compose.yaml": CLEAN, "compose.prod.yaml": OVERLAY, "app/compose.yaml": CLEAN}
    commit(folder, {**texts, "rules/policyset.yaml": SET, ".policyd.yaml": FILE})
    return folder


def test_groups_are_evaluated_with_their_environments_and_reported(run, repo: Path) -> None:
    result = run("check", "--quiet")

    assert result.exit_code == 1
    assert result.stdout == (
        "DENIED  compose.yaml compose.prod.yaml: 1 violation\n"
        "ALLOWED  compose.yaml compose.prod.yaml\n\n2 projects: 1 allowed, 1 denied\n"
    )
    report = json.loads((repo / "report.json").read_text())
    assert [one["allowed"] for one in report["decisions"]] == [False, True]
    assert {one["policySet"]["name"] for one in report["decisions"]} == {"ours"}


def test_flags_and_settings_precede_the_file(run, repo: Path, monkeypatch) -> None:
    assert run("check", "--environment", "dev").exit_code == 0
    (repo / "report.json").unlink()
    assert run("check", "--report", "json=other.json").exit_code == 1
    assert not (repo / "report.json").exists()
    assert json.loads(run("check", "app", "--format", "json").stdout)["decisions"][0]["allowed"]
    assert not (repo / "report.json").exists()

    monkeypatch.setenv("POLICYD_POLICY_SET", "nosuch")
    assert "nosuch" in run("check").stderr


def test_recursive_adds_the_projects_that_no_group_names(run, repo: Path) -> None:
    (repo / ".policyd.yaml").write_text(FILE + "recursive: true\n")

    lines = run("check", "--quiet").stdout.splitlines()

    assert lines[-1] == "4 projects: 3 allowed, 1 denied"
    assert [line.split()[-1] for line in lines[1:4]] == ["compose.prod.yaml", ".", "app"]


def test_in_a_folder_below_only_the_policy_set_counts(run, repo: Path, monkeypatch) -> None:
    monkeypatch.chdir(repo / "app")
    monkeypatch.setenv("PWD", str(repo / "app"))

    found = json.loads(run("check", "--format", "json").stdout)["decisions"]

    assert [one["source"] for one in found] == ["."]
    assert found[0]["policySet"]["name"] == "ours"


def test_changed_since_selects_among_the_groups(run, repo: Path) -> None:
    git(repo, "branch", "base")
    (repo / "app" / "compose.yaml").write_text(OVERLAY)
    unchanged = run("check", "--changed-since", "base")
    (repo / "compose.prod.yaml").write_text(OVERLAY + "    init: true\n")
    changed = run("check", "--changed-since", "base")

    assert (unchanged.exit_code, changed.exit_code) == (0, 1)
    assert unchanged.stderr == "policyd: note: 2 of 2 projects have no change since base\n"


def test_fix_and_baseline_use_the_groups_too(run, repo: Path) -> None:
    assert run("baseline", "create").stdout.startswith(
        ".policyd-baseline.json: 1 entry (+1), 1 project evaluated\n"
    )
    assert run("fix", "--apply").exit_code == 0
    assert "privileged" not in (repo / "compose.prod.yaml").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("policySets: x\n", ".policyd.yaml:1:1: the document has the unknown key 'policySets'"),
        ("reports: {text: out}\nrecursive: true\n", "reports.text: out is reached through a symb"),
    ],
)
def test_a_file_that_is_not_valid_is_exit_2(run, repo: Path, text: str, message: str) -> None:
    (repo / "out").symlink_to("compose.yaml")
    (repo / ".policyd.yaml").write_text(text)

    result = run("check")

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert (repo / "compose.yaml").read_text() == CLEAN
