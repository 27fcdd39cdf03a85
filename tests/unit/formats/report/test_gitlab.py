from __future__ import annotations

import json

from policyd.formats.report.entries import Report, entries
from policyd.formats.report.gitlab import render
from tests.support.reports import MIXED, NOTHING, VIOLATION, result


def test_each_entry_is_an_issue() -> None:
    report = Report([result(VIOLATION)])

    assert json.loads(render(report)) == [
        {
            "description": "service train asks for every GPU. Name the GPUs.",
            "check_name": "no-all-gpus",
            "fingerprint": entries(report)[0].fingerprint,
            "severity": "critical",
            "location": {"path": "compose.yaml", "lines": {"begin": 4}},
        }
    ]


def test_only_what_denies_is_severe() -> None:
    assert [issue["severity"] for issue in json.loads(render(MIXED))] == [
        "critical",
        "critical",
        "info",
        "info",
        "blocker",
    ]


def test_nothing_to_report_is_an_empty_list() -> None:
    assert render(Report([result()])) == "[]\n"
    assert json.loads(render(NOTHING))[0]["location"] == {"path": "gone", "lines": {"begin": 1}}
