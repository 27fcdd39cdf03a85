"""Say what to write instead of the syntax of other languages, and correct columns.

In: the text of a Rego file, and a place that regorus reports in it. Out: the end of an error
message: "; write `not` instead of !"; the place with the column that editors show.
"""

from __future__ import annotations

import re
from typing import Final

from policyd.model import Location

TAB: Final = 4
"""Columns that regorus counts for a tab."""

_AT: Final = (
    (r"\|\|?|or\b", "write one rule for each alternative instead of `or`"),
    (r"&&?|and\b", "write each condition on a line of its own instead of `and`"),
    (r"!", "write `not` instead of !"),
    (r"not\s+in\b", "write `not x in xs` instead of `x not in xs`"),
    ("['\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb]", 'write strings in double quotes: "text"'),
    (r"elif\b", "write `else := value if { … }` after the body of a rule"),
    (r"for\b", "write `some x in xs` instead of a loop"),
    (r"(?:None|nil)\b", "write null"),
)
"""What to write, by a pattern of the text at the place of the error."""


def syntax_hint(text: str, where: Location, sentence: str) -> str:
    """Return the end of a message about the place `where` in `text`, or "".

    `sentence` is what regorus reports.
    """
    if "after `else`" in sentence:
        return "; write `else := value` or `else := value if { … }`"
    lines = text.splitlines()
    if not 0 < where.line <= len(lines):
        return ""
    line = lines[where.line - 1]
    rest = line[_position(line, where.column) :]
    hint = next((hint for pattern, hint in _AT if re.match(pattern, rest)), "")
    return f"; {hint}" if hint else ""


def in_characters(text: str, where: Location) -> Location:
    """Return the place `where` of regorus in `text` with its column in characters."""
    lines = text.splitlines()
    if not 0 < where.line <= len(lines) or lines[where.line - 1].startswith("#"):
        return where  # places in METADATA comments are not those of regorus
    return Location(where.file, where.line, _position(lines[where.line - 1], where.column) + 1)


def _position(line: str, column: int) -> int:
    """Return the position in `line` of a column of regorus, which counts a tab as TAB columns."""
    reached = 1
    for position, character in enumerate(line):
        if reached >= column:
            return position
        reached += TAB if character == "\t" else 1
    return len(line)
