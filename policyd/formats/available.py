"""Report formats of `policyd check`: one module for each, which renders a report."""

from __future__ import annotations

from typing import Final, Protocol

from policyd.formats import (
    checkstyle,
    github,
    gitlab,
    json,
    junit,
    markdown,
    rdjson,
    sarif,
    text,
)
from policyd.formats.report import Report


class Format(Protocol):
    """A report format. A module with the function `render` is one."""

    def render(self, report: Report, *, colour: bool = False) -> str:
        """Return `report` in this format, with a final newline; it may hold no result.

        `colour` allows the escape sequences of terminals.
        """


FORMATS: Final[dict[str, Format]] = {
    "checkstyle": checkstyle,
    "github": github,
    "gitlab": gitlab,
    "json": json,
    "junit": junit,
    "markdown": markdown,
    "rdjson": rdjson,
    "sarif": sarif,
    "text": text,
}
"""The formats by the name that `--format` and `--report` take."""
