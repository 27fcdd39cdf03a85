from __future__ import annotations

import itertools

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from policyd.formats.report.entries import Report, entries
from policyd.formats.report.markdown import MAX_SIZE, render
from policyd.formats.table import visible
from tests.support.reports import EVIL, HOSTILE, MIXED, NOTHING, VIOLATION, result


def test_each_project_has_its_verdict_and_a_table() -> None:
    assert render(Report([result(VIOLATION)])) == (
        "## policyd\n"
        "\n"
        "### Denied: app\n"
        "\n"
        "| Level | Policy | Place | Message | Remediation |\n"
        "|---|---|---|---|---|\n"
        "| error | no\\-all\\-gpus | compose.yaml\\:4\\:5 | service train asks for every GPU"
        " | Name the GPUs. |\n"
    )
    assert "### Allowed: fine\n\nNo violations.\n" in render(MIXED)
    assert "**Nothing was decided** for gone: No such file or directory\n" in render(NOTHING)


def test_a_report_fits_into_a_comment() -> None:
    shown = render(Report([result(*[VIOLATION] * 2000)]))

    assert len(shown) <= MAX_SIZE + 100
    assert shown.endswith("more lines do not fit into a comment.\n")


def parsed(text: str) -> list[Token]:
    """Return the tokens of a document in the dialect of GitHub, as far as text can trigger it."""
    return MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)


def cells(tokens: list[Token]) -> list[str]:
    """Return the text of each cell of a body of a table. Fails on anything but text in it."""
    found = []
    for opening, inline in itertools.pairwise(tokens):
        if opening.type == "td_open":
            assert {one.type for one in inline.children or []} <= {"text"}
            found.append("".join(one.content for one in inline.children or []))
    return found


@pytest.mark.parametrize("report", [MIXED, NOTHING, HOSTILE, Report([])])
def test_a_parser_finds_a_row_of_five_cells_for_each_entry(report: Report) -> None:
    found = cells(parsed(render(report)))

    rows = [found[at : at + 5] for at in range(0, len(found), 5)]
    assert sorted(rows) == sorted(
        [one.level, *map(visible, (one.rule, str(one.location), one.message, one.remediation))]
        for one in entries(report)
    )


def test_hostile_text_stays_text() -> None:
    tokens = parsed(render(HOSTILE))

    assert [one.type for one in tokens if one.type.startswith(("html", "code", "fence"))] == []
    inline = {child.type for one in tokens for child in one.children or []}
    assert inline == {"text", "strong_open", "strong_close"}
    [title] = [one for one in tokens if one.content.startswith("Denied")]
    assert "".join(one.content for one in title.children or []) == f"Denied: {visible(EVIL)}"
    assert not any("@root" in line or " #1" in line for line in render(HOSTILE).splitlines())
