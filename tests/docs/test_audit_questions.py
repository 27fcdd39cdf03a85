"""The answers to the questions of an auditor in docs/audit.md are those of a made-up quarter."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import worked_examples
from tests.docs.pages import FOLDER
from tests.support import audit_history

TITLE = "## Questions of an auditor"
QUESTIONS = 8


def section() -> str:
    """Return the section of the page with the questions and answers."""
    page = (FOLDER / "audit.md").read_text()
    return page[page.index(TITLE) :].partition("\n## ")[0]


def comparable(text: str, folder: Path) -> str:
    """Return `text` without hashes, which differ from one version to the next, and the folder."""
    text = re.sub("[0-9a-f]{64}", "…", text.replace(f"{folder}/", ""))
    return re.sub("sha256:[0-9a-f]{12}", "sha256:…", text)


@pytest.mark.slow
def test_the_commands_answer_the_questions_of_an_auditor_as_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit_history.record(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("POLICYD_CONFIG", "policyd.toml")
    questions = re.findall(r"^### .*\?$", section(), re.MULTILINE)
    shown = [text for verb, _, text in worked_examples.blocks(section()) if verb == "console"]

    assert [len(questions), len(shown)] == [QUESTIONS, QUESTIONS]
    for text in shown:
        assert comparable(worked_examples.printed(text), tmp_path) == text
