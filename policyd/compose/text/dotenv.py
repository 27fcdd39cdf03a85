"""Read environment files: `.env`, `env_file` and `label_file`.

In: the bytes of a file and a lookup of variables. Out: the names that it sets, each with its value
and line. Source: compose-go v2.16.2 dotenv/parser.go; for the format "raw" docker/cli pkg/kvfile.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from policyd.compose.text.scalars import SPACES, quoted
from policyd.compose.text.template import MAX_GROWTH, Lookup, TemplateError, substitute
from policyd.lazy_pattern import lazy_pattern
from policyd.masking import MarkedError

MAX_VARIABLES = 20_000
"""Variables that a file may set. Files that people write set a few dozen."""

MAX_RAW_LINE = 65535
"""Bytes of a line of a raw file. The reader of Docker has the same limit."""

_NOTHING: Mapping[str, str] = MappingProxyType({})
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

# The white space of Go that does not end a line.
_BLANK = "\t\v\f\r \x85\xa0"

_BETWEEN = lazy_pattern(rf"(?:[{SPACES}]++|#[^\n]*+)*+")
_EXPORT = lazy_pattern(rf"export(?=[\t\n\f\r ])[{_BLANK}]*+")
_NAME = lazy_pattern(rf"[{_BLANK}.\[\]\w-]*+")
_BLANKS = lazy_pattern(rf"[{_BLANK}]*+")
_QUOTES = {
    "'": lazy_pattern(r"'((?:[^'\\]++|\\[\s\S])*+)'"),
    '"': lazy_pattern(r'"((?:[^"\\]++|\\[\s\S])*+)"'),
}
_PAIR = lazy_pattern(r"\\([\s\S])")
_ESCAPE = lazy_pattern(r'\\(?:([abcfnrtv$"\\])|0([0-9]{0,3}))')
_OCTAL = lazy_pattern(r"[0-3][0-7]{2}")
_CONTROLS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))
_ESCAPES = _CONTROLS | {"$": "$$", "c": "\\c", '"': '"', "\\": "\\"}


class Variable(NamedTuple):
    """The value of a name, its line (from 1), and the variables in it that have no value."""

    value: str
    line: int
    unresolved: tuple[str, ...] = ()


class DotenvError(MarkedError):
    """A file that cannot be parsed. `line` counts from 1; the message contains no value."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def parse(
    content: bytes,
    lookup: Lookup,
    known: Mapping[str, str] = _NOTHING,
) -> dict[str, Variable]:
    """Return the variables that `content` sets, in the order in which they first appear.

    A variable in a value comes from `lookup`, else from what the file has set before it, else from
    `known` (what earlier files set); one that has no value anywhere is among `unresolved`. A name
    without `=` takes the value of `lookup`, or is left out. As in Compose, a name without `=` and
    without a line break after it sets the variable "" to that name.

    Raises DotenvError.
    """
    return _Parser(_decode(content), lookup, known).run()


def _decode(content: bytes) -> str:
    content = content.removeprefix(_BYTE_ORDER_MARK)
    try:
        return content.decode()
    except UnicodeDecodeError:
        text = content.decode("utf-8", "surrogateescape")
        return re.sub("[\udc80-\udcff]", "\ufffd", text)


class _Parser:
    def __init__(self, text: str, lookup: Lookup, known: Mapping[str, str]) -> None:
        self._text = text
        self._lookup = lookup
        self._known = known
        self._variables: dict[str, Variable] = {}
        self._line = 1
        self._counted = 0
        self._growth = 0

    def run(self) -> dict[str, Variable]:
        position = self._skip(_BETWEEN, 0)
        while position < len(self._text):
            self._line += self._text.count("\n", self._counted, position)
            self._counted = position
            position = self._skip(_BETWEEN, self._statement(self._skip(_EXPORT, position)))
        return self._variables

    def _skip(self, pattern: re.Pattern[str], position: int) -> int:
        match = pattern.match(self._text, position)
        return match.end() if match else position

    def _statement(self, start: int) -> int:
        """Parse the statement whose name is at `start`. Return where it ends."""
        end = self._skip(_NAME, start)
        ending = self._text[end : end + 1]
        if ending not in ("", "=", ":", "\n"):
            raise self._error(f"a variable name cannot hold {ending!r}")
        if not ending:
            if start == len(self._text):
                raise self._error("there is no variable name after export")
            self._set("", self._text[self._skip(_BLANKS, start) :].rstrip(SPACES))
            return len(self._text)
        name = self._text[start:end].rstrip(SPACES)
        if " " in name:
            raise self._error("a variable name cannot hold a space")
        position = self._skip(_BLANKS, end + 1)
        if ending == "\n":
            value = self._lookup(name)
            if value is not None:
                self._set(name, value)
            return position
        return self._value(name, position)

    def _value(self, name: str, start: int) -> int:
        quote = self._text[start : start + 1]
        if quote not in ("'", '"'):
            end = self._text.find("\n", start)
            end = len(self._text) if end < 0 else end
            value = self._text[start:end].partition(" #")[0].rstrip(SPACES)
            self._set(name, *self._expand(name, value))
            return end + 1
        match = _QUOTES[quote].match(self._text, start)
        if match is None:
            raise self._error(f"the quoted value of {quoted(name)} is not closed")
        value = _PAIR.sub(lambda pair: quote if pair[1] == quote else pair[0], match[1])
        unresolved: tuple[str, ...] = ()
        if quote == '"':
            value, unresolved = self._expand(name, _ESCAPE.sub(_unescape, value))
        self._set(name, value, unresolved)
        return match.end()

    def _expand(self, name: str, value: str) -> tuple[str, tuple[str, ...]]:
        unresolved: list[str] = []
        try:
            expanded = substitute(value, self._find, unresolved.append)
        except TemplateError as error:
            raise self._error(f"the value of {quoted(name)}: {error.reason}") from None
        self._growth += max(len(expanded) - len(value), 0)
        if self._growth > MAX_GROWTH:
            raise self._error(f"values grow by more than {MAX_GROWTH} characters")
        return expanded, tuple(unresolved)

    def _find(self, name: str) -> str | None:
        value = self._lookup(name)
        if value is not None:
            return value
        variable = self._variables.get(name)
        return variable.value if variable else self._known.get(name)

    def _set(self, name: str, value: str, unresolved: tuple[str, ...] = ()) -> None:
        self._variables[name] = Variable(value, self._line, unresolved)
        if len(self._variables) > MAX_VARIABLES:
            raise self._error(f"more than {MAX_VARIABLES} variables")

    def _error(self, message: str) -> DotenvError:
        return DotenvError(message, self._line)


def _unescape(escape: re.Match[str]) -> str:
    if escape[1]:
        return _ESCAPES[escape[1]]
    digits = escape[2]
    return chr(int(digits, 8)) if _OCTAL.fullmatch(digits) else "\\" + digits


def parse_raw(content: bytes, lookup: Lookup) -> dict[str, Variable]:
    """Return the variables that `content`, in the format "raw", sets: NAME=VALUE, one a line.

    Nothing is unquoted, interpolated or trimmed but leading space. A name without `=` takes the
    value of `lookup`, or is left out. Raises DotenvError.
    """
    variables: dict[str, Variable] = {}
    for number, line in enumerate(content.split(b"\n"), start=1):
        if len(line) > MAX_RAW_LINE:
            raise DotenvError(f"the line is longer than {MAX_RAW_LINE} bytes", number)
        line = line.removesuffix(b"\r")
        if number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        try:
            text = line.decode().lstrip(SPACES)
        except UnicodeDecodeError:
            raise DotenvError("the line is not UTF-8", number) from None
        if not text or text[0] == "#":
            continue
        name, equals, value = text.partition("=")
        if not name:
            raise DotenvError("the line has no variable name", number)
        if " " in name or "\t" in name:
            raise DotenvError("a variable name cannot hold a space", number)
        found = value if equals else lookup(name)
        if found is not None:
            variables[name] = Variable(found, number)
        if len(variables) > MAX_VARIABLES:
            raise DotenvError(f"more than {MAX_VARIABLES} variables", number)
    return variables
