"""Expand variables and quotes in a text of a Dockerfile, and divide the text into words.

In: a text and variables. Out: the text as BuildKit expands it. Source: buildkit v0.33
frontend/dockerfile/shell/lex.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from policyd.compose.text.scalars import SPACES
from policyd.lazy_pattern import lazy_pattern

MAX_DEPTH = 40
"""How many levels `${A:-${B:-…}}` may be nested."""

MAX_VALUES = 1 << 16
"""How many characters of values one text may contain after its expansion."""

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_ORDINARY = lazy_pattern(rf"[^{SPACES}$<'\"\\`}}/]+")
_SPACE = lazy_pattern(rf"([{SPACES}]+)")
_BLANKS_OF_HEREDOC = lazy_pattern(r"[\t\r ]*")
_MODIFIERS = ("+", "-", "?", "#", "%")
_SPECIAL_NAMES = "@*#?-$!0"


class ExpansionError(ValueError):
    """BuildKit would refuse the text, or the text uses a form that is not supported here."""


class DockerfileText:
    """One text to expand. `raw` keeps quotes, escapes and unset variables as they are written.

    `keep_unset` keeps unset variables only.
    """

    def __init__(
        self,
        text: str,
        variables: Mapping[str, str] = _NO_VARIABLES,
        escape: str = "\\",
        raw: bool = False,
        keep_unset: bool = False,
    ) -> None:
        self._text = text.removeprefix("\ufeff")
        self._variables = variables
        self._escape = escape
        self._raw = raw
        self._keep_unset = raw or keep_unset
        self._position = 0
        self._depth = 0
        self._brought = 0
        self._word: list[str] = []

    def expand(self) -> str:
        """Return the text with variables and quotes replaced. Raises ExpansionError."""
        return self._read("", self._raw)[0]

    def words(self) -> list[str]:
        """Return the words of the text. Raises ExpansionError."""
        return self._read("", self._raw)[1]

    def _next(self) -> str:
        character = self._text[self._position : self._position + 1]
        self._position += 1
        return character

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _read(self, stop: str, raw_escapes: bool) -> tuple[str, list[str]]:
        """Read up to `stop` ("" is the end). BuildKit has one buffer for the word at all depths."""
        self._word.clear()
        result: list[str] = []
        words: list[str] = []
        while character := self._peek():
            if ordinary := _ORDINARY.match(self._text, self._position):
                self._position = ordinary.end()
                result.append(ordinary[0])
                self._word.append(ordinary[0])
                continue
            if stop and character == stop:
                self._position += 1
                self._flush(words)
                return "".join(result), words
            self._position += 1
            text = self._special(character, raw_escapes)
            result.append(text)
            if character == "$" or (character == text and character in SPACES):
                self._add(text, words)
            elif text:
                self._word.append(text)
        if stop:
            raise ExpansionError(f"{stop!r} is missing")
        self._flush(words)
        return "".join(result), words

    def _special(self, character: str, raw_escapes: bool) -> str:
        """Return the value of the construct that starts with `character`, which was just read."""
        if character == "$":
            return self._dollar()
        if character == "'":
            return self._single_quotes()
        if character == '"':
            return self._double_quotes(raw_escapes)
        if character == self._escape:
            return (character if raw_escapes else "") + self._next()
        if character == "<" and self._peek() == "<":
            self._position += 1
            blanks = _BLANKS_OF_HEREDOC.match(self._text, self._position)
            self._position = blanks.end() if blanks else self._position
            return "<<" + (blanks[0] if blanks else "")
        return character

    def _add(self, text: str, words: list[str]) -> None:
        for part in _SPACE.split(text):
            if _SPACE.fullmatch(part):
                self._flush(words)
            elif part:
                self._word.append(part)

    def _flush(self, words: list[str]) -> None:
        word = "".join(self._word)
        if word:
            words.append(word)
        self._word.clear()

    def _single_quotes(self) -> str:
        end = self._text.find("'", self._position)
        if end < 0:
            raise ExpansionError("a single quote is not closed")
        inner = self._text[self._position : end]
        self._position = end + 1
        return f"'{inner}'" if self._raw else inner

    def _double_quotes(self, raw_escapes: bool) -> str:
        result = ['"'] if self._raw else []
        while character := self._next():
            if character == '"':
                if self._raw:
                    result.append(character)
                return "".join(result)
            if character == "$":
                result.append(self._dollar())
                continue
            if character == self._escape:
                following = self._peek()
                if raw_escapes:
                    result.append(character)
                if not following:
                    break
                if following in ('"', "$", self._escape):
                    character = self._next()
            result.append(character)
        raise ExpansionError("a double quote is not closed")

    def _dollar(self) -> str:
        if self._peek() != "{":
            name = self._name()
            if not name:
                return "$"
            value = self._value(name)
            return value if value is not None else f"${name}" if self._keep_unset else ""
        self._position += 1
        if self._peek() in ("", "{", "}", ":"):
            raise ExpansionError("bad substitution")
        name = self._name()
        operator = self._next()
        if operator == "}":
            value = self._value(name)
            return value if value is not None else f"${{{name}}}" if self._keep_unset else ""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpansionError(f"variables are nested more than {MAX_DEPTH} deep")
        try:
            return self._modified(name, operator)
        finally:
            self._depth -= 1

    def _modified(self, name: str, operator: str) -> str:
        value = self._value(name)
        if operator == "/":
            return self._replaced(name, value)
        modifier = operator
        if operator == ":":
            operator = self._next()
            modifier += operator
        elif operator not in _MODIFIERS:
            raise ExpansionError("unsupported modifier")
        raw_escapes = operator in ("#", "%")
        if raw_escapes and modifier != operator:
            raise ExpansionError("unsupported modifier")
        word = self._read("}", raw_escapes)[0]
        if value is None and self._keep_unset:
            return f"${{{name}{modifier}{word}}}"
        present = value is not None and (value != "" or modifier == operator)
        if operator == "+":
            return word if present else ""
        if operator == "-":
            return (value or "") if present else word
        if operator == "?" and present:
            return value or ""
        raise ExpansionError("unsupported modifier, or a variable that must be set is not")

    def _replaced(self, name: str, value: str | None) -> str:
        if self._peek() == "/":
            self._position += 1
        pattern = self._read("/", True)[0]
        replacement = self._read("}", True)[0]
        if value is None and self._keep_unset:
            return f"${{{name}/{pattern}/{replacement}}}"
        raise ExpansionError("replacement in a variable is not supported")

    def _value(self, name: str) -> str | None:
        value = self._variables.get(name)
        self._brought += len(value or "")
        if self._brought > MAX_VALUES:
            raise ExpansionError(f"values bring in more than {MAX_VALUES} characters")
        return value

    def _name(self) -> str:
        first = self._peek()
        start = self._position
        if first.isdecimal():
            while self._peek().isdecimal():
                self._position += 1
        elif first and first in _SPECIAL_NAMES:
            self._position += 1
        else:
            while (character := self._peek()) and (
                character.isalpha() or character.isdecimal() or character == "_"
            ):
                self._position += 1
        return self._text[start : self._position]
