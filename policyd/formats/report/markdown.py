"""Markdown, for job summaries and comments on pull requests.

In: a report. Out: a verdict, and a table of the entries of each project. Text from a project is
escaped: it makes no mention, reference, link, HTML or table cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from policyd.formats.report.entries import Entry, Report, entries
from policyd.formats.table import visible

MAX_SIZE: Final = 65_000
"""Characters of a report: a comment on GitHub has at most 65,536."""

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]()<>#+!|~@&$:-])")


def render(report: Report, *, colour: bool = False) -> str:
    """Return the Markdown report for `report`, cut at a line when it is too long."""
    text, left = "", 0
    for line in _lines(report):
        if left or len(text) + len(line) > MAX_SIZE:
            left += 1
            continue
        text += f"{line}\n"
    return text + (f"\n{left} more lines do not fit into a comment.\n" if left else "")


def escaped(text: str) -> str:
    """Return `text` so that Markdown shows it as it is."""
    return _SPECIAL.sub(r"\\\1", visible(text)).replace("\\@", "&#64;").replace("\\#", "&#35;")


def _lines(report: Report) -> Iterator[str]:
    found: dict[str, list[Entry]] = {}
    for entry in entries(report):
        found.setdefault(entry.source, []).append(entry)
    yield "## policyd"
    for one in report.undecided:
        yield ""
        yield f"**Nothing was decided** for {escaped(one.source)}: {escaped(one.reason)}"
    for result in report.results:
        verdict = "Allowed" if result.decision.allowed else "Denied"
        yield ""
        yield f"### {verdict}: {escaped(result.source)}"
        yield ""
        if own := found.get(result.source):
            yield "| Level | Policy | Place | Message | Remediation |"
            yield "|---|---|---|---|---|"
            yield from map(_row, own)
        else:
            yield "No violations."


def _row(entry: Entry) -> str:
    cells = (
        entry.level,
        escaped(entry.rule),
        escaped(str(entry.location)),
        escaped(entry.message),
        escaped(entry.remediation),
    )
    return f"| {' | '.join(cells)} |"
