from __future__ import annotations

from policyd.formats.report.entries import Report
from policyd.formats.report.github import render
from tests.support.reports import MIXED, NOTHING, VIOLATION, result


def test_each_entry_is_a_workflow_command() -> None:
    assert render(Report([result(VIOLATION)])) == (
        "::error file=compose.yaml,line=4,col=5,title=no-all-gpus (high)"
        "::service train asks for every GPU%0AName the GPUs.\n"
    )
    assert [line.split(" ")[0] for line in render(MIXED).splitlines()] == [
        "::error",
        "::error",
        "::error",
        "::warning",
        "::notice",
    ]


def test_what_was_not_decided_is_an_error() -> None:
    assert render(NOTHING) == (
        "::error title=policyd%3A nothing was decided::gone: No such file or directory\n"
    )


def test_entries_that_github_hides_are_counted() -> None:
    lines = render(Report([result(*[VIOLATION] * 13)])).splitlines()

    assert len(lines) == 14
    assert lines[-1] == (
        "::notice title=policyd::GitHub does not show 3 more entries; "
        "the log of the step lists all of them."
    )
