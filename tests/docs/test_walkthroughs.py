"""The three projects of docs/walkthroughs.md are denied, fixed and allowed as the page shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import worked_examples
from tests.docs.pages import FOLDER

PAGE = (FOLDER / "walkthroughs.md").read_text()


@pytest.mark.thorough
def test_each_project_goes_from_denied_to_allowed_as_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    shown_at_all = []

    for found, shown in worked_examples.run(PAGE, tmp_path):
        assert found == shown
        shown_at_all += [line for line in shown.splitlines() if line.startswith(("DEN", "ALL"))]

    assert [line.split()[0] for line in shown_at_all] == ["DENIED", "ALLOWED"] * 3
