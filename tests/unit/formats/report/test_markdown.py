from __future__ import annotations

from policyd.formats.report.entries import Report
from policyd.formats.report.markdown import MAX_SIZE, render
from tests.support.reports import MIXED, NOTHING, VIOLATION, result


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
