from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from policyd.adoption.first_files import first_files
from policyd.adoption.repository_file import ProjectGroup, read_repository_file


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("services: {web: {image: nginx}}\n")


def test_the_repository_file_names_environments_and_the_policy_set(tmp_path: Path) -> None:
    put(tmp_path, "compose.yaml", "compose.override.yaml", "my app/compose.yaml")
    put(tmp_path, "my app/compose.prod.yaml", "my app/compose.gpu.yaml", "rules/policyset.yaml")

    found = first_files(str(tmp_path))
    read = read_repository_file(found.written[".policyd.yaml"], "f", str(tmp_path), ())

    assert found.projects == 4
    assert (read.policy_set, read.recursive) == (f"{tmp_path}/rules", True)
    assert read.projects == (
        ProjectGroup(("my app/compose.yaml", "my app/compose.prod.yaml"), environment="prod"),
    )


@pytest.mark.parametrize(
    ("file", "forge", "name"),
    [
        (".github/x", "github", ".github/workflows/policyd.yml"),
        (".gitlab-ci.yml", "gitlab", ".gitlab-ci.yml"),
        ("azure-pipelines.yml", "azure", "azure-pipelines.yml"),
        ("Jenkinsfile", "jenkins", "Jenkinsfile"),
        ("README.md", "none", ""),
    ],
)
def test_the_pipeline_is_the_one_that_the_repository_has(
    tmp_path: Path, file: str, forge: str, name: str
) -> None:
    put(tmp_path, file)
    found = first_files(str(tmp_path))

    assert found.forge == forge
    both = {*found.written, *found.added}
    assert both == {".policyd.yaml", ".pre-commit-config.yaml", *([name] if name else [])}
    assert file not in found.written


def test_every_proposed_text_is_valid(tmp_path: Path) -> None:
    for forge in ("github", "gitlab", "azure"):
        found = first_files(str(tmp_path), forge)
        for text in (*found.written.values(), *found.added.values()):
            assert yaml.safe_load(text)
    assert "stage('policyd')" in first_files(str(tmp_path), "jenkins").added["Jenkinsfile"]


def test_the_workflow_has_few_permissions_and_pinned_actions(tmp_path: Path) -> None:
    text = first_files(str(tmp_path), "github").written[".github/workflows/policyd.yml"]
    workflow = yaml.safe_load(text)

    assert workflow["permissions"] == {"contents": "read"}
    steps = workflow["jobs"]["check"]["steps"]
    assert len(steps[0]["uses"].partition("@")[2]) == 40
    assert "${{" not in str(steps)


def test_existing_files_are_not_replaced_and_get_what_is_missing(tmp_path: Path) -> None:
    put(tmp_path, ".policyd.yaml", ".pre-commit-config.yaml", ".gitlab-ci.yml")
    (tmp_path / ".gitlab-ci.yml").write_text("policyd: {script: [policyd check]}\n")

    found = first_files(str(tmp_path))

    assert found.written == {}
    assert list(found.added) == [".pre-commit-config.yaml"]
    assert "id: policyd" in found.added[".pre-commit-config.yaml"]
    assert found.existing == (".policyd.yaml", ".gitlab-ci.yml")
