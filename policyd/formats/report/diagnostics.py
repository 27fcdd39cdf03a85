"""Diagnostics for editors: the entries of a report as ranges of text, by file.

In: a report. Out: diagnostics. Source: Language Server Protocol 3.17, "Diagnostic": lines count
from 0, columns in UTF-16 code units.
"""

from __future__ import annotations

import msgspec

from policyd.formats.report.entries import Level, Report, entries
from policyd.formats.table import visible


class Diagnostic(msgspec.Struct, frozen=True):
    """An entry: where it is, from `start` to `end` of one line, and what it says."""

    line: int
    start: int
    end: int
    level: Level
    rule: str
    message: str

    @staticmethod
    def by_file(report: Report) -> dict[str, list[Diagnostic]]:
        """Return the entries of `report` by file. Paths are those that the report shows."""
        found: dict[str, list[Diagnostic]] = {}
        for entry in entries(report):
            column = max(entry.location.column, 1) - 1
            start = _units(entry.text[:column])
            end = max(_units(entry.text.rstrip()), start + 1)
            message = "\n".join(map(visible, filter(None, (entry.message, entry.remediation))))
            line = max(entry.location.line, 1) - 1
            found.setdefault(entry.location.file, []).append(
                Diagnostic(line, start, end, entry.level, entry.rule, message)
            )
        return found


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
