from __future__ import annotations

import msgspec

from policyd.formats.report.diagnostics import Diagnostic
from policyd.formats.report.entries import Report
from policyd.formats.report.reviewed import reviewed
from policyd.model import Decision, Location, Status
from tests.support.reports import HOSTILE, MIXED, VIOLATION


def test_an_entry_is_a_range_of_one_line() -> None:
    found = Diagnostic.by_file(MIXED)

    assert set(found) == {"compose.yaml"}
    assert found["compose.yaml"][:2] == [
        Diagnostic(1, 0, 1, "error", "compose-invalid", "bad key"),
        Diagnostic(
            3, 4, 13, "error", "no-all-gpus", "service train asks for every GPU\nName the GPUs."
        ),
    ]


def test_columns_count_utf_16_code_units() -> None:
    violation = msgspec.structs.replace(VIOLATION, location=Location("compose.yaml", 1, 6))
    decision = Decision("1", False, Status(403, "Forbidden", ""), violations=(violation,))
    content = {"compose.yaml": "ä€😀: x\n".encode()}
    [found] = Diagnostic.by_file(Report([reviewed("app", decision, "", content.get)]))[
        "compose.yaml"
    ]

    assert (found.line, found.start, found.end) == (0, 6, 7)


def test_hostile_text_has_no_control_characters() -> None:
    [found] = [one for every in Diagnostic.by_file(HOSTILE).values() for one in every]

    assert not set(found.message) & set("\x1b\r\x00\u202e")
