from __future__ import annotations

import sys

import pytest

from policyd.cli import progress
from policyd.cli.progress import bar, with_progress


def test_a_bar_fits_into_the_terminal() -> None:
    assert bar(1, 4, 80) == f"[{'#' * 10}{'-' * 30}] 1 of 4 projects"
    assert bar(4, 4, 24) == "[#####] 4 of 4 projects"
    assert bar(4, 4, 10) == "4 of 4 pr"
    assert all(len(bar(7, 9, columns)) < max(columns, 1) for columns in range(1, 100))


def test_nothing_is_printed_where_standard_error_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert with_progress(iter([1, 2, 3]), 3) == [1, 2, 3]
    assert capsys.readouterr() == ("", "")


def test_a_dumb_terminal_gets_no_bar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "SECONDS", 0)
    monkeypatch.setenv("TERM", "dumb")

    assert with_progress(iter("ab"), 2) == ["a", "b"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_that_is_cleared_at_the_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "SECONDS", 0)
    monkeypatch.setenv("COLUMNS", "24")
    monkeypatch.setenv("TERM", "xterm")

    assert with_progress(iter("ab"), 2) == ["a", "b"]
    assert with_progress(iter("a"), 1) == ["a"]

    out, err = capsys.readouterr()
    assert out == ""
    assert "\r[##---] 1 of 2 projects\r[#####] 2 of 2 projects" in err
    assert err.endswith("2 of 2 projects\r\x1b[K")
