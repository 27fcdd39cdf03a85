"""Changed lines: which lines of a file a change adds or replaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.forges import changed_lines as module
from policyd.forges.changed_lines import changed_lines
from tests.support.cases import cases


@cases(
    ("before", "after", "expected"),
    [
        ("a\nb\nc\n", "a\nb\nc\n", []),
        ("a\nb\nc\n", "a\nB\nc\n", [2]),
        ("a\nc\n", "a\nb\nc\n", [2]),
        ("a\nb\nc\n", "a\nc\n", []),
        ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\nE\n", [1, 5]),
        ("a\nb\nc\nd\ne\n", "b\nc\nX\nd\ne\nf\n", [3, 6]),
        ("a\na\n", "a\na\na\n", [3]),
        ("a\nb", "a\nb\n", []),
        ("a\r\nb\r\n", "a\r\nB\r\n", [2]),
        ("a\rb\r", "a\rB\r", [2]),
        ("a\vb\n", "a\vB\n", [1]),
        ("", "a\nb\n", [1, 2]),
        ("a\n", "", []),
        (None, "a\nb\n", [1, 2]),
        ("a\n", None, []),
    ],
)
def test_lines_that_are_added_or_replaced_are_changed(
    tmp_path: Path, before: str | None, after: str | None, expected: list[int]
) -> None:
    for folder, text in (("base", before), ("head", after)):
        (tmp_path / folder / "a").mkdir(parents=True, exist_ok=True)
        path = tmp_path / folder / "a" / "compose.yaml"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_bytes(text.encode())

    found = changed_lines(str(tmp_path / "base"), str(tmp_path / "head"), ["a/compose.yaml"])

    assert found == {"a/compose.yaml": frozenset(expected)}


def test_nothing_is_known_without_a_base(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("a\n")

    assert changed_lines("", str(tmp_path), ["compose.yaml"]) == {}


@pytest.mark.parametrize("limit", ["MAX_FILE_LINES", "MAX_LINES"])
def test_beyond_a_limit_all_lines_between_two_changes_are_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(module, limit, 4)
    files = {
        "base": "s\na\nb\nc\nd\ne\nt\n",
        "head": "s\nA\nb\nc\nd\nE\nt\n",
    }
    for folder, text in files.items():
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "large").write_text(text)
        (tmp_path / folder / "small").write_text(text.replace("b\nc\nd\n", ""))

    found = changed_lines(str(tmp_path / "base"), str(tmp_path / "head"), ["small", "large"])

    assert found == {"small": {2, 3}, "large": {2, 3, 4, 5, 6}}


def test_links_out_of_the_folders_and_other_names_are_not_read(tmp_path: Path) -> None:
    for name in ("base", "head"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret").write_text("a\n")
    head = tmp_path / "head"
    (head / "link").symlink_to(tmp_path / "secret")
    (head / "inside").symlink_to("own")
    (head / "own").write_text("a\n")
    names = ["link", "../secret", str(tmp_path / "secret"), "a\0b", "x" * 300, "", "inside"]

    found = changed_lines(str(tmp_path / "base"), str(head), names)

    assert found == {**dict.fromkeys(names, frozenset()), "inside": {1}}
