"""Checkstyle XML, read by Jenkins Warnings NG, reviewdog and others.

In: a report. Out: one <file> element for each file, with its <error> elements.
"""

from __future__ import annotations

from typing import Final

from policyd.formats.report.entries import NOT_EVALUATED, Entry, Report, entries
from policyd.formats.report.xml_text import attributes

_LEVELS: Final = {"error": "error", "warning": "warning", "note": "info"}


def render(report: Report, *, colour: bool = False) -> str:
    """Return the checkstyle document for `report`."""
    by_file: dict[str, list[str]] = {}
    for entry in entries(report):
        by_file.setdefault(entry.location.file, []).append(_error(entry))
    for one in report.undecided:
        text = f"nothing was decided: {one.reason}"
        attribute = attributes(severity="error", message=text, source=f"policyd.{NOT_EVALUATED}")
        by_file.setdefault(one.source, []).append(f"    <error{attribute}/>")
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', '<checkstyle version="4.3">']
    for file, errors in by_file.items():
        lines += [f"  <file{attributes(name=file)}>", *errors, "  </file>"]
    return "\n".join([*lines, "</checkstyle>"]) + "\n"


def _error(entry: Entry) -> str:
    place: dict[str, str | int] = {}
    if entry.location.line:
        place = {"line": entry.location.line, "column": max(entry.location.column, 1)}
    fix = f" {entry.remediation}" if entry.remediation else ""
    return "    <error{}/>".format(
        attributes(
            **place,
            severity=_LEVELS[entry.level],
            message=f"{entry.message}.{fix}",
            source=f"policyd.{entry.rule}",
        )
    )
