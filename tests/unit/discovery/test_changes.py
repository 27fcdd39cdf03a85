from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from policyd.discovery.changes import Changes, changes_since
from policyd.errors import ConfigError
from tests.support.repositories import commit, git, repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = repository(tmp_path / "repo")
    commit(root, {"a/compose.yaml": "1", "b/compose.yaml": "1", "old.txt": "1"})
    git(root, "branch", "base")
    return root


def changed(root: Path, ref: str = "base") -> list[str]:
    found = changes_since(ref, str(root / "a"))
    assert found.root == str(root)
    return sorted(Path(file).relative_to(root).as_posix() for file in found.files)


def test_commits_work_in_progress_and_new_files_are_changes(root: Path) -> None:
    commit(root, {"a/compose.yaml": "2"})
    (root / "b" / "compose.yaml").write_text("2")
    (root / "a" / "näw é.env").write_text("")
    (root / "old.txt").unlink()
    (root / ".gitignore").write_text("*.log\n")
    (root / "x.log").write_text("")

    assert changed(root) == [
        ".gitignore",
        "a/compose.yaml",
        "a/näw é.env",
        "b/compose.yaml",
        "old.txt",
    ]


def test_changes_count_from_where_the_histories_part(root: Path) -> None:
    git(root, "checkout", "-q", "base")
    commit(root, {"b/compose.yaml": "other"})
    git(root, "checkout", "-q", "main")
    commit(root, {"a/compose.yaml": "2"})

    assert changed(root) == ["a/compose.yaml"]


def test_without_a_common_commit_everything_that_differs_is_a_change(root: Path) -> None:
    git(root, "checkout", "-q", "--orphan", "other")
    commit(root, {"b/compose.yaml": "2"})

    assert changed(root) == ["b/compose.yaml"]


def test_an_empty_ref_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        changes_since("", str(root))
    assert str(caught.value) == "--changed-since is empty; name a Git ref, such as origin/main"


@pytest.mark.parametrize("ref", ["--output=owned", "-h", "--no-index"])
def test_a_ref_is_never_an_option(root: Path, ref: str) -> None:
    with pytest.raises(ConfigError, match="a ref does not start with '-'"):
        changes_since(ref, str(root))

    assert not (root / "owned").exists()


@pytest.mark.thorough
@pytest.mark.parametrize("ref", ["nosuch", "base..main", "HEAD:old.txt", "a b"])
def test_an_unknown_ref_is_an_error(root: Path, ref: str) -> None:
    with pytest.raises(ConfigError, match="Git does not know this ref"):
        changes_since(ref, str(root))


def test_a_folder_outside_a_repository_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.resolve().parent))

    with pytest.raises(ConfigError, match="git rev-parse failed: not a git repository"):
        changes_since("HEAD", str(tmp_path))


def test_git_runs_no_program_of_the_configuration(root: Path, tmp_path: Path) -> None:
    owned = tmp_path / "owned"
    script = tmp_path / "script"
    script.write_text(f"#!/bin/sh\ntouch {owned}\n")
    script.chmod(0o755)
    for key in ("core.fsmonitor", "diff.external", "core.pager"):
        git(root, "config", key, str(script))
    (root / "a" / "compose.yaml").write_text("2")

    assert changed(root) == ["a/compose.yaml"]
    assert not owned.exists()


def test_variables_of_a_hook_do_not_choose_the_repository(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))

    assert changed(root) == []


def test_a_missing_git_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ConfigError, match="--changed-since needs the program git"):
        changes_since("base", str(root))


def test_a_slow_git_is_an_error(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def expire(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("git", 1)

    monkeypatch.setattr(subprocess, "run", expire)

    with pytest.raises(ConfigError, match="git rev-parse took more than 120 seconds"):
        changes_since("base", str(root))


def test_a_changed_folder_touches_what_is_in_it() -> None:
    changes = Changes("base", "/r", frozenset(["/r/module", "/r/a/file"]))

    assert changes.touch(["/r/x", "/r/module/deep/compose.yaml"])
    assert changes.touch(["/r/a/file"])
    assert not changes.touch(["/r/a", "/r/a/file2", "/elsewhere/a/file"])
    assert changes.touch_below("/r/a")
    assert not changes.touch_below("/r/a/fil")
