"""Diagnostics for reviewdog (rdjson), which comments on lines in any forge.

In: a report. Out: a DiagnosticResult as JSON. Source: reviewdog, proto/rdf/reviewdog.proto:
columns count bytes of UTF-8 from 1.
"""

from __future__ import annotations

from typing import Any, Final

from policyd.formats import json
from policyd.formats.report.entries import NOT_EVALUATED, Entry, Report, entries
from policyd.formats.table import visible

_LEVELS: Final = {"error": "ERROR", "warning": "WARNING", "note": "INFO"}


def render(report: Report, *, colour: bool = False) -> str:
    """Return the diagnostics for `report`."""
    diagnostics = [_diagnostic(entry) for entry in entries(report)]
    diagnostics += [
        {
            "message": visible(f"nothing was decided: {one.reason}"),
            "location": {"path": visible(one.source)},
            "severity": "ERROR",
            "code": {"value": NOT_EVALUATED},
        }
        for one in report.undecided
    ]
    return json.render({"source": {"name": "policyd"}, "diagnostics": diagnostics})


def _diagnostic(entry: Entry) -> dict[str, Any]:
    location: dict[str, Any] = {"path": visible(entry.location.file)}
    if entry.location.line:
        before = entry.text[: max(entry.location.column, 1) - 1]
        column = len(before.encode("utf-8", "replace")) + 1
        location["range"] = {"start": {"line": entry.location.line, "column": column}}
    return {
        "message": "\n".join(map(visible, filter(None, (entry.message, entry.remediation)))),
        "location": location,
        "severity": _LEVELS[entry.level],
        "code": {"value": entry.rule},
    }
