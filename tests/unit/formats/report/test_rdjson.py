from __future__ import annotations

import json

from policyd.formats.report.entries import Report
from policyd.formats.report.rdjson import render
from policyd.formats.report.reviewed import reviewed
from policyd.model import Decision, Location, Status
from tests.support.reports import VIOLATION, result


def test_each_entry_is_a_diagnostic() -> None:
    assert json.loads(render(Report([result(VIOLATION)]))) == {
        "source": {"name": "policyd"},
        "diagnostics": [
            {
                "message": "service train asks for every GPU\nName the GPUs.",
                "location": {
                    "path": "compose.yaml",
                    "range": {"start": {"line": 4, "column": 5}},
                },
                "severity": "ERROR",
                "code": {"value": "no-all-gpus"},
            }
        ],
    }


def test_columns_count_bytes() -> None:
    place = Location("compose.yaml", 1, 6)
    import msgspec

    violation = msgspec.structs.replace(VIOLATION, location=place)
    decision = Decision("1", False, Status(403, "Forbidden", ""), violations=(violation,))
    text = "ä€😀: x\n".encode()

    shown = render(Report([reviewed("app", decision, "", {"compose.yaml": text}.get)]))

    [diagnostic] = json.loads(shown)["diagnostics"]
    assert diagnostic["location"]["range"]["start"]["column"] == 2 + 3 + 4 + 2 + 1
