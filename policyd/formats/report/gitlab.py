"""The Code Quality report of GitLab, shown in merge requests.

In: a report. Out: a JSON list, `[]` when there is nothing to report. Source: GitLab, "Code
Quality", section "Code Quality report format". Fingerprints are unique within a file.
"""

from __future__ import annotations

from typing import Any, Final

from policyd.formats import json
from policyd.formats.report.entries import NOT_EVALUATED, Entry, Report, entries
from policyd.formats.table import visible

_SEVERITIES: Final = {"critical": "blocker", "high": "critical", "medium": "major", "low": "minor"}


def render(report: Report, *, colour: bool = False) -> str:
    """Return the Code Quality report for `report`."""
    issues = [_issue(entry) for entry in entries(report)]
    issues += [
        {
            "description": visible(f"nothing was decided: {one.reason}"),
            "check_name": NOT_EVALUATED,
            "fingerprint": f"undecided {visible(one.source)}",
            "severity": "blocker",
            "location": {"path": visible(one.source), "lines": {"begin": 1}},
        }
        for one in report.undecided
    ]
    return json.render(issues)


def _issue(entry: Entry) -> dict[str, Any]:
    fix = f" {entry.remediation}" if entry.remediation else ""
    return {
        "description": visible(f"{entry.message}.{fix}"),
        "check_name": entry.rule,
        "fingerprint": entry.fingerprint,
        "severity": _SEVERITIES[entry.severity] if entry.level == "error" else "info",
        "location": {
            "path": visible(entry.location.file).removeprefix("./"),
            "lines": {"begin": max(entry.location.line, 1)},
        },
    }
