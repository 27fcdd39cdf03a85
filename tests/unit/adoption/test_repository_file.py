from __future__ import annotations

import os
from pathlib import Path

import pytest

from policyd.adoption.repository_file import (
    ProjectGroup,
    RepositoryFile,
    find_repository_file,
    read_repository_file,
    repository_root,
)
from policyd.errors import BundleError, ConfigError, PolicySetError
from policyd.policies.levels import level_file
from tests.support.cases import cases

FORMATS = ("json", "sarif", "text")
WHOLE = """\
apiVersion: policyd/v1
policySet: rules
recursive: true
projects:
  - files: [a/compose.yaml, ./a/compose.prod.yaml]
    envFiles: [a/prod.env]
    projectName: shop
    environment: prod
  - files: [b/compose.yaml]
reports:
  sarif: out/policyd.sarif
"""


def test_a_whole_file_is_read() -> None:
    assert read_repository_file(WHOLE, "f", "/r", FORMATS) == RepositoryFile(
        root="/r",
        policy_set="/r/rules",
        recursive=True,
        projects=(
            ProjectGroup(
                ("a/compose.yaml", "a/compose.prod.yaml"), ("a/prod.env",), "shop", "prod"
            ),
            ProjectGroup(("b/compose.yaml",)),
        ),
        reports={"sarif": "out/policyd.sarif"},
    )


@cases(
    ("text", "message"),
    [
        (
            "policyset: rules\n",
            "f:1:1: the document has the unknown key 'policyset'; did you mean",
        ),
        ("apiVersion: v2\n", "f:1:13: apiVersion is 'v2': it must be one of policyd/v1"),
        ("policySet: 1\n", "f:1:12: policySet must be a string, not an integer"),
        ("policySet: ../x\n", "f:1:12: policySet is '../x': a path must be relative to the rep"),
        ("policySet: /x\n", "f:1:12: policySet is '/x': a path must be relative to the reposit"),
        ("level: strict\n", "f:1:8: level is 'strict': it must be one of baseline, "),
        ("level: baseline\npolicySet: x\n", "f:1:8: level must not be set together with policyS"),
        ("recursive: 1\n", "f:1:12: recursive must be a boolean, not an integer"),
        ("projects: {}\n", "f:1:11: projects must be a list, not a mapping"),
        ("projects:\n  - file: [a]\n", "f:2:5: projects[0] has the unknown key 'file'; did you"),
        ("projects:\n  - environment: a\n", "f:2:5: projects[0] must have the key 'files'"),
        ("projects:\n  - files: []\n", "f:2:12: projects[0].files is empty: name at least one"),
        ("projects:\n  - files: [a/../../b]\n", "f:2:13: projects[0].files[0] is 'a/../../b': a "),
        ("projects:\n  - files: [a]\n    projectName: A b\n", "f:3:18: projects[0].projectName is"),
        ("reports: {pdf: x}\n", "f:1:11: reports has the unknown key 'pdf'; valid keys are json,"),
        ("reports: {text: .git/config}\n", "f:1:17: reports.text is '.git/config': the report mu"),
        ("reports: {text: /etc/x}\n", "f:1:17: reports.text is '/etc/x': a path must be relative"),
        ("[", "f:2:1: invalid YAML: "),
        ("", "f: the file must have exactly one YAML document"),
        ("a: 1\n---\nb: 1\n", "f: the file must have exactly one YAML document"),
    ],
)
def test_an_error_has_file_line_and_column_and_says_what_is_right(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_repository_file(text, "f", "/r", FORMATS)

    assert str(raised.value).startswith(message)


def test_a_level_is_the_policy_set_of_this_name() -> None:
    found = read_repository_file("level: baseline\n", "f", "/r", FORMATS)

    assert found.policy_set == str(level_file("baseline"))


def test_too_many_projects_are_an_error() -> None:
    text = "projects:\n" + "  - files: [a]\n" * 1001

    with pytest.raises(PolicySetError, match="projects has more than 1,000 entries"):
        read_repository_file(text, "f", "/r", FORMATS)


def test_the_nearest_file_up_to_the_root_of_the_repository_counts(tmp_path: Path) -> None:
    root = tmp_path / "repo"
    below = root / "a" / "b"
    below.mkdir(parents=True)
    (root / ".git").mkdir()
    (tmp_path / ".policyd.yaml").write_text("recursive: true\n")

    assert repository_root(str(below)) == str(root)
    assert find_repository_file(str(below), FORMATS) is None

    (root / ".policyd.yaml").write_text("recursive: true\n")
    assert find_repository_file(str(below), FORMATS) == RepositoryFile(str(root), "", True)

    (root / "a" / ".policyd.yaml").write_text("recursive: false\n")
    assert find_repository_file(str(below), FORMATS) == RepositoryFile(str(root / "a"))


def test_a_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / ".policyd.yaml").write_bytes(b"level: \xff\n")

    with pytest.raises(ConfigError) as caught:
        find_repository_file(str(tmp_path), ())
    name = os.path.relpath(tmp_path / ".policyd.yaml")
    assert str(caught.value) == f"{name}: the file is not UTF-8"


def test_another_spelling_and_a_link_are_errors(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".policyd.yml").write_text("")
    with pytest.raises(ConfigError, match=r"\.policyd\.yml: is not read; rename it to"):
        find_repository_file(str(tmp_path), FORMATS)

    (tmp_path / ".policyd.yml").rename(tmp_path / "other")
    (tmp_path / ".policyd.yaml").symlink_to("other")
    with pytest.raises(BundleError, match="cannot be read"):
        find_repository_file(str(tmp_path), FORMATS)
