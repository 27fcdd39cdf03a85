"""Scan the scalars of a YAML file, as go-yaml v4 does.

In: a cursor at the first character of a scalar. Out: its text; the cursor is behind it. Source:
go-yaml v4.0.0 internal/libyaml/scanner.go (scanPlainScalar, scanFlowScalar, scanBlockScalar).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from yaml import Mark

from policyd.compose.yaml.go_yaml_cursor import (
    BLANKS,
    BLANKS_OR_END,
    BREAKS,
    BREAKS_OR_END,
    END,
    Cursor,
)

_ENDS: Final = re.escape(BLANKS_OR_END)
_PLAIN: Final = re.compile(rf"(?:[^{_ENDS}:]|:(?![{_ENDS}]))*")
_PLAIN_IN_FLOW: Final = re.compile(rf"(?:[^{_ENDS}:,\[\]{{}}]|:(?![{_ENDS},\]}}]))*")
_SINGLE_QUOTED: Final = re.compile(rf"[^{_ENDS}']*")
_DOUBLE_QUOTED: Final = re.compile(rf'[^{_ENDS}"\\]*')

_ESCAPES: Final = {
    "0": "\0",
    "a": "\a",
    "b": "\b",
    "t": "\t",
    "\t": "\t",
    "n": "\n",
    "v": "\v",
    "f": "\f",
    "r": "\r",
    "e": "\x1b",
    " ": " ",
    '"': '"',
    "/": "/",
    "\\": "\\",
    "N": "\x85",
    "_": "\xa0",
    "L": "\u2028",
    "P": "\u2029",
}
_CODE_LENGTHS: Final = {"x": 2, "u": 4, "U": 8}
_HEXADECIMAL: Final = frozenset("0123456789abcdefABCDEF")
_SURROGATES: Final = range(0xD800, 0xE000)
_LAST_CHARACTER: Final = 0x10FFFF


class PlainScalar(NamedTuple):
    """The text of a plain scalar, where it ends, and whether a line break follows it."""

    text: str
    end: Mark
    ends_line: bool


def scan_plain(cursor: Cursor, indent: int, in_flow: bool) -> PlainScalar:
    """Return the plain scalar at `cursor`. Its later lines are indented by `indent` or more."""
    chunk = _PLAIN_IN_FLOW if in_flow else _PLAIN
    parts: list[str] = []
    space = ""
    end = cursor.mark()
    ends_line = False
    while not cursor.is_document_indicator() and cursor.char != "#":
        found = chunk.match(cursor.text, cursor.at)
        if found is not None and found.end() > cursor.at:
            parts += (space, found.group())
            ends_line = False
            cursor.at = found.end()
            end = cursor.mark()
        if cursor.char not in BLANKS and cursor.char not in BREAKS:
            break
        space, has_break = _scan_space(cursor, indent)
        ends_line = ends_line or has_break
        if not in_flow and cursor.column < indent:
            break
    return PlainScalar("".join(parts), end, ends_line)


def _scan_space(cursor: Cursor, indent: int) -> tuple[str, bool]:
    """Move over blanks and line breaks in a plain scalar; return what the scalar holds of them.

    The second value says whether there was a line break.
    """
    start = cursor.at
    cursor.skip_blanks()
    if cursor.char not in BREAKS:
        return cursor.text[start : cursor.at], False
    breaks = []
    bad_tab: Mark | None = None
    while cursor.char in BREAKS:
        breaks.append(cursor.read_break())
        bad_tab = None
        while cursor.char in BLANKS:
            if cursor.char == "\t" and cursor.column < indent and bad_tab is None:
                bad_tab = cursor.mark()
            cursor.at += 1
    if bad_tab is not None and cursor.char not in (END, "#"):
        raise cursor.error("a tab cannot be part of the indentation: use spaces", bad_tab)
    return _folded(breaks), True


def _folded(breaks: list[str]) -> str:
    """Return what a scalar holds of line breaks: a single one becomes a space."""
    if breaks[0] != "\n":
        return "".join(breaks)
    return "".join(breaks[1:]) or " "


def scan_quoted(cursor: Cursor) -> str:
    """Return the quoted scalar at `cursor`."""
    start = cursor.mark()
    quote = cursor.char
    chunk = _SINGLE_QUOTED if quote == "'" else _DOUBLE_QUOTED
    cursor.at += 1
    parts: list[str] = []
    while True:
        if cursor.is_document_indicator():
            raise cursor.error("found the start or end of a document in a quoted text")
        found = chunk.match(cursor.text, cursor.at)
        if found is not None:
            parts.append(found.group())
            cursor.at = found.end()
        char = cursor.char
        if char == END:
            raise cursor.error("the quoted text that starts here has no end", start)
        if char == quote:
            cursor.at += 1
            if quote == '"' or cursor.char != "'":
                return "".join(parts)
            parts.append("'")
            cursor.at += 1
        elif char == "\\":
            parts.append(_scan_escape(cursor))
        else:
            parts.append(_scan_quoted_space(cursor))


def _scan_quoted_space(cursor: Cursor, breaks: list[str] | None = None) -> str:
    """Move over blanks and line breaks in a quoted text; return what the text holds of them.

    `breaks` is an empty list where an escaped line break precedes.
    """
    start = cursor.at
    cursor.skip_blanks()
    if breaks is None and cursor.char not in BREAKS:
        return cursor.text[start : cursor.at]
    is_escaped = breaks is not None
    found: list[str] = []
    while cursor.char in BREAKS:
        found.append(cursor.read_break())
        cursor.skip_blanks()
    if is_escaped:
        return "".join(found)
    return _folded(found)


def _scan_escape(cursor: Cursor) -> str:
    """Return what the escape sequence at `cursor` stands for."""
    start = cursor.mark()
    char = cursor.text[cursor.at + 1]
    if char in BREAKS:
        cursor.at += 1
        cursor.read_break()
        return _scan_quoted_space(cursor, [])
    cursor.at += 2
    if char in _ESCAPES:
        return _ESCAPES[char]
    length = _CODE_LENGTHS.get(char)
    if length is None:
        raise cursor.error(f"unknown escape \\{char} in double quotes", start)
    code = cursor.text[cursor.at : cursor.at + length]
    if len(code) < length or not _HEXADECIMAL.issuperset(code):
        raise cursor.error(f"\\{char} takes {length} hexadecimal digits", start)
    number = int(code, 16)
    if number in _SURROGATES or number > _LAST_CHARACTER:
        raise cursor.error(f"\\{char}{code} is not a Unicode character", start)
    cursor.at += length
    return chr(number)


class _BlockLines:
    """Reads the lines of a block scalar, whose header is on the line `header`.

    `indent` is None until the first line that is not empty.
    """

    def __init__(self, cursor: Cursor, parent: int, indent: int | None, header: int) -> None:
        self.cursor = cursor
        self.parent = parent
        self.indent = indent
        self.header = header

    def breaks(self) -> str:
        """Move over empty lines and the indentation of the next line; return the breaks."""
        cursor = self.cursor
        found: list[str] = []
        deepest = 0
        while True:
            while cursor.char == " " and (self.indent is None or cursor.column < self.indent):
                cursor.at += 1
            deepest = max(deepest, cursor.column)
            least = self.parent + 1 if self.indent is None else self.indent
            if cursor.char == "\t" and cursor.column < least:
                raise cursor.error("found a tab where a space of the indentation is expected")
            if cursor.char not in BREAKS:
                break
            found.append(cursor.read_break())
        if (
            cursor.char == END
            and cursor.line > self.header
            and cursor.column > 0
            and (self.indent is None or cursor.column <= self.indent)
        ):
            found.append("\n")  # a last line of spaces that no line break ends
        if self.indent is None:
            self.indent = max(deepest, self.parent + 1, 0)
        return "".join(found)

    def line(self) -> tuple[str, str]:
        """Move over a line; return its text and its break."""
        cursor = self.cursor
        start = cursor.at
        cursor.skip_to_break()
        text = cursor.text[start : cursor.at]
        if cursor.char != END:
            return text, cursor.read_break()
        return text, "" if text.strip(BLANKS) else "\n"


def scan_block(cursor: Cursor, parent: int) -> str:
    """Return the literal (`|`) or folded (`>`) scalar at `cursor`.

    `parent` is the indentation of the block that holds the scalar; -1 for none.
    """
    is_literal = cursor.char == "|"
    header = cursor.line
    chomping, increment = _scan_block_header(cursor)
    indent = None if increment is None else max(parent, 0) + increment
    lines = _BlockLines(cursor, parent, indent, header)
    parts: list[str] = []
    leading_break = ""
    after_blank = False
    empty_lines = lines.breaks()
    while cursor.column == lines.indent and cursor.char != END:
        is_blank = cursor.char in BLANKS
        if not is_literal and leading_break == "\n" and not after_blank and not is_blank:
            if not empty_lines:
                parts.append(" ")
        else:
            parts.append(leading_break)
        parts.append(empty_lines)
        after_blank = is_blank
        text, leading_break = lines.line()
        parts.append(text)
        empty_lines = lines.breaks()
    if chomping != "-":
        parts.append(leading_break)
    if chomping == "+":
        parts.append(empty_lines)
    return "".join(parts)


def _scan_block_header(cursor: Cursor) -> tuple[str, int | None]:
    """Return the chomping ("", "-" or "+") and the indentation that a header sets."""
    chomping, increment = "", None
    cursor.at += 1
    for _ in range(2):
        char = cursor.char
        if char in "+-" and not chomping:
            chomping = char
        elif char in "123456789" and increment is None:
            increment = int(char)
        else:
            break
        cursor.at += 1
    end = cursor.at
    cursor.skip_blanks()
    if cursor.char == "#" and cursor.at > end:
        cursor.skip_to_break()
    if cursor.char not in BREAKS_OR_END:
        raise cursor.error("expected a line break after the header of a block text")
    if cursor.char != END:
        cursor.read_break()
    return chomping, increment
