"""The pages for rules of other tools are true: their files, their commands, their output."""

from __future__ import annotations

from pathlib import Path

import pytest

from policyd.policies.syntax_tree import parse
from tests.docs import worked_examples
from tests.docs.pages import FOLDER
from tests.support.cases import cases

PAGES = {page.stem: page.read_text() for page in sorted((FOLDER / "coming-from").glob("*.md"))}
TOOLS = sorted(PAGES.keys() - {"index"})


def test_each_tool_has_a_page_that_the_index_names() -> None:
    assert TOOLS == ["conftest", "gatekeeper", "kics", "opa-docker-authz", "trivy"]
    assert [tool for tool in TOOLS if f"({tool}.md)" not in PAGES["index"]] == []


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_a_page_prints_what_it_shows(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PWD", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    consoles = 0

    for found, shown in worked_examples.run(PAGES[tool], tmp_path):
        assert found == shown
        consoles += 1

    assert consoles >= 1


@cases("tool", [tool for tool in TOOLS if tool != "conftest"])
def test_the_rules_of_other_tools_are_valid_rego(tool: str) -> None:
    theirs = [text for verb, _, text in worked_examples.blocks(PAGES[tool]) if verb == "theirs"]

    assert theirs
    for text in theirs:
        assert parse("theirs.rego", text).tree["rules"]
