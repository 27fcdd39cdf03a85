from __future__ import annotations

from pathlib import Path

import pytest

from policyd.discovery.ignored import ignored_in


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".git" / "info").mkdir(parents=True)
    (tmp_path / "a" / "b").mkdir(parents=True)
    return tmp_path


def test_patterns_of_all_folders_up_to_the_repository_apply(root: Path) -> None:
    (root / ".gitignore").write_text("*.log\n/top.txt\nbuild/\n")
    ignored = ignored_in(str(root / "a"))

    assert ignored(f"{root}/a/x.log", folder=False)
    assert ignored(f"{root}/a/build", folder=True)
    assert not ignored(f"{root}/a/build", folder=False)
    assert not ignored(f"{root}/a/top.txt", folder=False)


def test_a_pattern_of_a_deeper_folder_wins(root: Path) -> None:
    (root / ".gitignore").write_text("*.log\n")
    (root / "a" / ".gitignore").write_text("!keep.log\r\n")
    ignored = ignored_in(str(root)).inside(str(root / "a"))

    assert not ignored(f"{root}/a/keep.log", folder=False)
    assert ignored(f"{root}/a/other.log", folder=False)
    assert ignored_in(str(root))(f"{root}/keep.log", folder=False)


def test_patterns_outside_the_repository_do_not_apply_and_its_exclude_file_does(root: Path) -> None:
    (root / ".gitignore").write_text("*.log\n")
    (root / "a" / ".git" / "info").mkdir(parents=True)
    (root / "a" / ".git" / "info" / "exclude").write_text("mine\n")
    ignored = ignored_in(str(root / "a" / "b"))

    assert not ignored(f"{root}/a/b/x.log", folder=False)
    assert ignored(f"{root}/a/b/mine", folder=False)


def test_an_invalid_pattern_and_a_linked_file_match_nothing(root: Path) -> None:
    (root / ".gitignore").write_text("!\n*.log\n")
    (root / "patterns").write_text("*.txt\n")
    (root / "a" / ".gitignore").symlink_to("../patterns")
    ignored = ignored_in(str(root / "a"))

    assert ignored(f"{root}/a/x.log", folder=False)
    assert not ignored(f"{root}/a/x.txt", folder=False)


def test_an_ignored_folder_that_the_caller_names_is_searched(root: Path) -> None:
    (root / ".gitignore").write_text("a\n*.log\n")
    (root / "a" / ".gitignore").write_text("*.txt\n")
    ignored = ignored_in(str(root / "a"))

    assert not ignored(f"{root}/a/b", folder=True)
    assert ignored(f"{root}/a/x.txt", folder=False)
    assert ignored_in(str(root))(f"{root}/a", folder=True)
