"""Workflow commands of GitHub Actions, which become annotations of a pull request.

In: a report. Out: one command a line. Source: GitHub, "Workflow commands for GitHub Actions";
actions/toolkit, packages/core/src/command.ts (escaping). GitHub shows 10 annotations of each level
for a step, so the most severe come first and the last command counts the rest.
"""

from __future__ import annotations

from typing import Final

from policyd.formats.report.entries import Entry, Report, entries, sentence
from policyd.formats.table import visible

SHOWN: Final = 10
"""Annotations of one level that GitHub shows for a step."""

_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}


def render(report: Report, *, colour: bool = False) -> str:
    """Return the workflow commands for `report`."""
    found = entries(report)
    lines = [_command(entry) for entry in found]
    for one in report.undecided:
        title = _property("policyd: nothing was decided")
        lines.insert(0, f"::error title={title}::{_data(sentence(one))}")
    hidden = sum(
        max(0, sum(entry.level == level for entry in found) - SHOWN) for level in _COMMANDS
    )
    if hidden:
        text = f"GitHub does not show {hidden} more entries; the log of the step lists all of them."
        lines.append(f"::notice title=policyd::{_data(text)}")
    return "".join(f"{line}\n" for line in lines)


def _command(entry: Entry) -> str:
    place = entry.location
    properties = [f"file={_property(place.file)}"]
    if place.line:
        properties += [f"line={place.line}", f"col={max(place.column, 1)}"]
    properties.append(f"title={_property(f'{entry.rule} ({entry.severity})')}")
    message = f"{entry.message}\n{entry.remediation}" if entry.remediation else entry.message
    return f"::{_COMMANDS[entry.level]} {','.join(properties)}::{_data(message)}"


def _data(text: str) -> str:
    lines = "\n".join(visible(line) for line in text.split("\n"))
    return lines.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")
