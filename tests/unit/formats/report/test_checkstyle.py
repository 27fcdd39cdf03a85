from __future__ import annotations

from policyd.formats.report.checkstyle import render
from policyd.formats.report.entries import Report
from tests.support.reports import NOTHING, VIOLATION, result


def test_each_entry_is_an_error_of_its_file() -> None:
    assert render(Report([result(VIOLATION)])) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<checkstyle version="4.3">\n'
        '  <file name="compose.yaml">\n'
        '    <error line="4" column="5" severity="error"'
        ' message="service train asks for every GPU. Name the GPUs."'
        ' source="policyd.no-all-gpus"/>\n'
        "  </file>\n"
        "</checkstyle>\n"
    )


def test_what_was_not_decided_is_an_error() -> None:
    assert (
        '<error severity="error" message="nothing was decided: No such file or directory"'
        ' source="policyd.evaluation-failed"/>'
    ) in render(NOTHING)
