"""Split a command line into words as Compose does, which differs from a shell.

In: a command as one text. Out: its words. An unquoted `;`, `&`, `|`, `<` or `>` ends the command,
and the rest is ignored. Nothing is expanded. Source: mattn/go-shellwords v1.0.16.
"""

from __future__ import annotations

from policyd.compose.text.scalars import quoted
from policyd.lazy_pattern import lazy_pattern
from policyd.masking import MarkedError

_BLANKS = " \t\r\n"
_OPERATORS = ";&|<>"
_ESCAPES = {"t": "\t", "n": "\n"}
_ORDINARY = lazy_pattern(r"[^\\ \t\r\n`()\"';&|<>]+")
_MARKS = lazy_pattern(r"[\\`()\"';&|<>]")
_WORD = lazy_pattern(r"[^ \t\r\n]+")
_DIGITS = lazy_pattern("[0-9]+")
_REGIONS = {'"': "double quote", "'": "single quote", "`": "backquote", ")": "$("}


class CommandLineError(MarkedError):
    """A command line that cannot be split, such as one with a quote that is not closed."""


def split(line: str) -> list[str]:
    """Return the words of `line` up to the first unquoted shell operator.

    Raises CommandLineError for a quote that is not closed, a backslash at the end, and a
    parenthesis that is not quoted.
    """
    if not _MARKS.search(line):
        return _WORD.findall(line)
    return _Splitter(line).run()


class _Splitter:
    """Splits one command line.

    `_region` is the character that ends the current region: a quote, ")" of "$(", or "" outside.
    `_tail` holds the last two characters of the current word.
    """

    def __init__(self, line: str) -> None:
        self._line = line
        self._words: list[str] = []
        self._parts: list[str] = []
        self._tail = ""
        self._was_quoted = False
        self._region = ""

    def run(self) -> list[str]:
        position = 0
        while position < len(self._line):
            if ordinary := _ORDINARY.match(self._line, position):
                self._add(ordinary[0])
                position = ordinary.end()
                continue
            character = self._line[position]
            position += 1
            if character == "\\":
                position += self._backslash(self._line[position : position + 1])
            elif character in _OPERATORS and not self._region:
                if character == ">" and _DIGITS.fullmatch("".join(self._parts)):
                    self._parts.clear()
                    self._was_quoted = False
                break
            else:
                self._mark(character)
        if self._region:
            raise CommandLineError(
                f"the {_REGIONS[self._region]} is not closed in {quoted(self._line)}"
            )
        self._flush()
        return self._words

    def _backslash(self, following: str) -> int:
        """Add what a backslash means. Return how many characters after it are consumed."""
        if self._region == "'":
            self._add("\\")
            return 0
        if not following:
            raise CommandLineError(
                f"nothing follows the backslash at the end of {quoted(self._line)}"
            )
        if self._region in ("`", ")"):
            self._add("\\" + following)
        else:
            self._add(_ESCAPES.get(following, following))
        return 1

    def _mark(self, character: str) -> None:
        """Process a blank, a quote, a backquote, a parenthesis, or an operator inside a region."""
        if self._region in ('"', "'") and character == self._region:
            self._region = ""
            self._was_quoted = True
        elif self._region:
            if character == "(" and self._region == ")":
                raise self._bare(character)
            if character == self._region:
                self._region = ""
            self._add(character)
        elif character in _BLANKS:
            self._flush()
        elif character in ('"', "'"):
            self._region = character
        else:
            self._open(character)

    def _open(self, character: str) -> None:
        if character == "`":
            self._region = "`"
        elif character == "(" and self._tail[-1:] == "$" and self._tail != "\\$":
            self._region = ")"
        else:
            raise self._bare(character)
        self._add(character)

    def _bare(self, character: str) -> CommandLineError:
        return CommandLineError(f"unquoted {character!r} in {quoted(self._line)}")

    def _add(self, text: str) -> None:
        self._parts.append(text)
        self._tail = (self._tail + text)[-2:]

    def _flush(self) -> None:
        if self._parts or self._was_quoted:
            self._words.append("".join(self._parts))
        self._parts.clear()
        self._tail = ""
        self._was_quoted = False
