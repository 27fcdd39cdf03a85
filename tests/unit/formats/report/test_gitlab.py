from __future__ import annotations

import json
from typing import Any, Final

import jsonschema_rs

from policyd.formats.report.entries import Report, entries
from policyd.formats.report.gitlab import render
from tests.support.cases import cases
from tests.support.reports import HOSTILE, MIXED, NOTHING, VIOLATION, result

TEXT: Final = {"type": "string", "minLength": 1}
SCHEMA: Final[dict[str, Any]] = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": TEXT,
            "check_name": TEXT,
            "fingerprint": TEXT,
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": TEXT,
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}
"""What GitLab documents: "Code Quality", section "Code Quality report format"."""


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


@cases("report", [MIXED, NOTHING, HOSTILE, Report([])])
def test_a_report_has_the_documented_fields(report: Report) -> None:
    issues = json.loads(render(report))

    assert [str(one) for one in jsonschema_rs.validator_for(SCHEMA).iter_errors(issues)] == []
    assert len({one["fingerprint"] for one in issues}) == len(issues)
    assert not any(one["location"]["path"].startswith("./") for one in issues)
