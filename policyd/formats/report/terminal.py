"""Text for people at a terminal: colours, and lines that end between two words.

In: text to which `visible` has been applied. Out: lines of at most the wanted number of columns,
unless a single word is longer. Source: Select Graphic Rendition, ECMA-48, 8.3.117.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import msgspec

from policyd.formats.table import width
from policyd.lazy_pattern import lazy_pattern

INDENT: Final = "    "
"""The margin of the lines that continue a line."""
MIN_WIDTH: Final = 40
"""Columns below which wrapping would leave a word a line."""

_CODE: Final = lazy_pattern(f"(`[^`]{{1,{MIN_WIDTH}}}`)")
"""Code in a sentence, which is copied as it stands and stays on one line."""
_CODES: Final = {"bold": "1", "red": "1;31", "green": "1;32", "yellow": "1;33", "blue": "1;34"}


class Terminal(msgspec.Struct, frozen=True):
    """Whether colours are allowed, and the number of columns; 0 columns are without limit."""

    colour: bool = False
    columns: int = 0

    def paint(self, text: str, name: str) -> str:
        """Return `text` in the colour `name`, if colours are allowed."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.colour else text

    def lines(
        self, *parts: str | tuple[str, str], margin: str = "", indent: str = INDENT
    ) -> Iterator[str]:
        """Yield `parts`, each a text or a text with its colour, as lines between words.

        The first line begins with `margin`, the others with `margin` and `indent`.
        """
        room = max(self.columns, MIN_WIDTH) if self.columns else 0
        line, used = margin, width(margin)
        for part in parts:
            text, colour = part if isinstance(part, tuple) else (part, "")
            words = _words(text)
            run = words[0]
            for word in words[1:]:
                if room and used + width(run) + 1 + width(word) > room:
                    yield line + self._painted(run, colour)
                    line, used, run = margin + indent, width(margin + indent), word
                else:
                    run += f" {word}"
            line += self._painted(run, colour)
            used += width(run)
        yield line

    def excerpt(self, margin: str, text: str, column: int = 0) -> tuple[str, int]:
        """Return `text` cut to the columns that `margin` leaves, and the new place of `column`.

        Both columns count from 1 and are 0 for none. An ellipsis stands for text that is left out.
        """
        room = max(self.columns, MIN_WIDTH) - width(margin) if self.columns else 0
        if not room or width(text) <= room:
            return text, column
        start = 0
        if width(text[:column]) > room - 1:
            start = max(0, column - room // 2)
        head = "…" if start else ""
        ends = itertools.accumulate(map(width, text[start:]), initial=len(head))
        count = sum(1 for _ in itertools.takewhile(lambda end: end < room, ends)) - 1
        shown = text[start : start + count]
        tail = "…" if start + count < len(text) else ""
        return f"{head}{shown}{tail}", column - start + len(head) if column else 0

    def _painted(self, text: str, colour: str) -> str:
        return self.paint(text, colour) if colour and text else text


def _words(text: str) -> list[str]:
    """Return the words of `text`, which blanks separate; short code in backticks is a word."""
    words = [""]
    for number, piece in enumerate(_CODE.split(text)):
        first, *others = [piece] if number % 2 else piece.split(" ")
        words[-1] += first
        words += others
    return words
