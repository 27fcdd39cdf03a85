"""A decision with the context that reports show: the path of the project and excerpts of files.

In: a Decision and the content of the files that were read for it. Out: a Reviewed, which holds only
the lines that reports show.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec

from policyd.credentials import masked
from policyd.model import Decision, Location, Violation

BEFORE: Final = 2
AFTER: Final = 1
"""Lines shown before and after the line of a violation."""
MAX_LINE: Final = 400
"""Characters of a line that are kept, because a file may consist of one line of 4 MiB."""


class Reviewed(msgspec.Struct, frozen=True):
    """A project and its decision. `source` is the path as the caller typed it.

    Names of files in the decision are relative to `folder`, an absolute path; `-` is standard
    input. `lines` holds the lines around each location in the decision, by file and line number.
    `matches` says for each constraint and exception whether it applied, if that was requested.
    """

    source: str
    decision: Decision
    folder: str = ""
    lines: dict[str, dict[int, str]] = {}
    matches: tuple[dict[str, Any], ...] = ()

    def shown(self, file: str) -> str:
        """Return the path of `file`, a name in the decision, relative to the current folder."""
        if not self.folder or file == "-":
            return file
        return os.path.relpath(os.path.join(self.folder, file))

    def unset_variables(self, violation: Violation) -> list[str]:
        """Return the names of the variables without a value that are in the line of `violation`."""
        place = violation.location
        line = self.lines.get(place.file, {}).get(place.line, "") if place else ""
        return [
            name
            for one in self.decision.not_evaluated
            if one.kind == "variable"
            for name in [one.what.strip("${}")]
            if place
            and (_is_at(one.location, place) or re.search(rf"\$\{{?{re.escape(name)}\b", line))
        ]


def dependence(violation: Violation, result: Reviewed) -> str:
    """Return which variables without a value `violation` depends on and does not name, or ""."""
    names = [
        name
        for name in result.unset_variables(violation)
        if not re.search(rf"(variable |\$\{{?){re.escape(name)}\b", violation.message)
    ]
    if not names:
        return ""
    have = "has" if len(names) == 1 else "have"
    return f"depends on {', '.join(names)}, which {have} no value here"


def _is_at(first: Location | None, place: Location) -> bool:
    return first is not None and (first.file, first.line) == (place.file, place.line)


def reviewed(
    source: str,
    decision: Decision,
    folder: str,
    content: Callable[[str], bytes | None],
    matches: Sequence[dict[str, Any]] = (),
) -> Reviewed:
    """Return `decision` with the lines around its locations.

    `content` returns the content of a file by its name in the decision, or None. Credentials in the
    lines are masked.
    """
    lines: dict[str, dict[int, str]] = {}
    texts: dict[str, list[str]] = {}
    for place in places(decision):
        if place.file not in texts:
            texts[place.file] = _lines(content(place.file) or b"")
        text, kept = texts[place.file], lines.setdefault(place.file, {})
        for number in range(place.line - BEFORE, place.line + AFTER + 1):
            # Violations that are close to each other show the same lines.
            if 1 <= number <= len(text) and number not in kept:
                previous = text[number - 2] if number > 1 else ""
                kept[number] = masked(text[number - 1][:MAX_LINE], previous[:MAX_LINE])
    return Reviewed(source, decision, folder, lines, tuple(matches))


def _lines(content: bytes) -> list[str]:
    """Return the lines of a file in UTF-8, or UTF-16 with a byte order mark (YAML 1.2.2, 5.2)."""
    codec = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    return re.split(r"\r\n|\r|\n", content.decode(codec, "replace"))


def places(decision: Decision) -> Iterator[Location]:
    """Yield each location with a line in the violations or the status of `decision`."""
    named = [one.location for one in (*decision.violations, *decision.exempted)]
    for place in (*named, decision.status.location):
        if place and place.line:
            yield place
