"""The worked example of docs/policy-authoring.md is true: its files, its commands, its output."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import worked_examples
from tests.docs.pages import FOLDER

PAGE = (FOLDER / "policy-authoring.md").read_text()
EXAMPLE = PAGE.partition("\n## A worked example")[2].partition("\n## ")[0]


@pytest.mark.slow
def test_the_worked_example_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    consoles = 0

    for found, shown in worked_examples.run(EXAMPLE, tmp_path):
        assert found == shown
        consoles += 1

    assert consoles == 4
