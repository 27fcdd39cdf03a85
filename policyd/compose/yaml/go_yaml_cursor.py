"""A position in the text of a YAML file, with its line and column.

In: the text. Out: marks for tokens, and the character classes of go-yaml v4 (scanner.go).
"""

from __future__ import annotations

from typing import Final

from yaml import Mark
from yaml.scanner import ScannerError

END: Final = "\0"
"""What follows the last character; the reader allows it nowhere else."""

BLANKS: Final = " \t"
BREAKS: Final = "\r\n\x85\u2028\u2029"
BREAKS_OR_END: Final = BREAKS + END
BLANKS_OR_END: Final = BLANKS + BREAKS_OR_END
FLOW_INDICATORS: Final = ",[]{}"

NEW_LINES: Final = "\r\n\x85"
"""Breaks that a scalar holds as a line feed; it holds other breaks as they are."""


class Cursor:
    """A position in `text`; `name` is the name of the file in marks."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text + END
        self.name = name
        self.at = 0
        self.line = 0
        self.line_start = 0

    @property
    def column(self) -> int:
        return self.at - self.line_start

    @property
    def char(self) -> str:
        return self.text[self.at]

    def mark(self) -> Mark:
        """Return the current position."""
        return Mark(self.name, self.at, self.line, self.at - self.line_start, None, 0)

    def error(self, problem: str, mark: Mark | None = None) -> ScannerError:
        """Return an error at `mark`, or here."""
        return ScannerError(None, None, problem, mark or self.mark())

    def skip_blanks(self) -> None:
        """Move over spaces and tabs."""
        text, at = self.text, self.at
        while text[at] in BLANKS:
            at += 1
        self.at = at

    def skip_to_break(self) -> None:
        """Move to the end of the line."""
        text, at = self.text, self.at
        while text[at] not in BREAKS_OR_END:
            at += 1
        self.at = at

    def read_break(self) -> str:
        """Move over the line break that is here, and return it as a scalar holds it."""
        char = self.text[self.at]
        self.at += 2 if self.text.startswith("\r\n", self.at) else 1
        self.line += 1
        self.line_start = self.at
        return "\n" if char in NEW_LINES else char

    def is_document_indicator(self) -> bool:
        """Return whether `---` or `...` begins the line here, before a blank."""
        return (
            self.at == self.line_start
            and self.text[self.at : self.at + 3] in ("---", "...")
            and self.text[self.at + 3] in BLANKS_OR_END
        )
