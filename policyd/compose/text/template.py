"""Replace `$NAME` and `${NAME…}` in one string, as Compose does.

In: a text and a lookup of variables. Out: the text with variables replaced by values. A `$` in a
value has no meaning. Source: compose-go v2.16.2 template/template.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from policyd.compose.text.scalars import quoted
from policyd.lazy_pattern import lazy_pattern
from policyd.masking import MarkedError

Lookup = Callable[[str], str | None]
"""Returns the value of a variable, None when it is not set."""

Missing = Callable[[str], None]
"""Receives the name of a variable that is not set and was replaced by nothing."""

MAX_DEPTH = 10
"""Levels of defaults that are nested in defaults."""

MAX_GROWTH = 1 << 20
"""Characters that replacing variables may add to a text."""

# Go's "(?i)[_a-z]" also takes the long s and the Kelvin sign, which fold to "s" and "k".
_NAME = "[_a-zA-Z\u017f\u212a][_a-zA-Z0-9\u017f\u212a]*"
_VARIABLE = lazy_pattern(
    rf"\$(?:(?P<escaped>\$)|(?P<plain>{_NAME})|"
    rf"(?P<brace>\{{)(?:(?P<name>{_NAME})(?:(?P<closed>\}})|(?P<operator>:?[-+?]))?)?)"
)
# A fast path: nearly every text with a variable matches this pattern.
_ONE_VARIABLE = lazy_pattern(rf"([^$]*)\$\{{({_NAME})(?:(:?-)([^${{}}\n]*))?\}}([^$]*)\Z")
# Compose skips the character after an opening brace, so "{}" opens and does not close.
_BRACE = lazy_pattern(r"\}|\{.?", re.DOTALL)


class TemplateError(MarkedError):
    """A text that cannot be interpolated. `reason` says why; the message quotes the text too.

    Values of variables are in neither.
    """

    def __init__(self, reason: str, excerpt: str = "") -> None:
        super().__init__(f"{reason}: {quoted(excerpt)}" if excerpt else reason)
        self.reason = reason


def substitute(text: str, lookup: Lookup, missing: Missing, *, is_lenient: bool = False) -> str:
    """Return `text` with variables replaced by what `lookup` gives.

    `missing` is called for each variable that is not set and has no default, each time it is used;
    with `is_lenient` also for required ones, which are blank then.

    Raises TemplateError for a malformed expression, a required variable without a value, defaults
    nested deeper than MAX_DEPTH and a result that outgrows `text` by more than MAX_GROWTH.
    """
    if "$" not in text:
        return text
    if (match := _ONE_VARIABLE.match(text)) is not None:
        before, name, operator, default, after = match.groups()
        value = lookup(name)
        if value is None or (operator == ":-" and not value):
            if operator is None:
                missing(name)
            value = default or ""
        if len(value) <= MAX_GROWTH:
            return before + value + after
    return _Substitution(lookup, missing, len(text) + MAX_GROWTH, is_lenient).run(text, 0)


class _Substitution:
    def __init__(self, lookup: Lookup, missing: Missing, limit: int, is_lenient: bool) -> None:
        self._is_lenient = is_lenient
        self._lookup = lookup
        self._missing = missing
        self._limit = limit

    def run(self, text: str, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise TemplateError(f"defaults are nested more than {MAX_DEPTH} deep")
        parts: list[str] = []
        length = position = 0
        line_end = last_brace = -1
        while match := _VARIABLE.search(text, position):
            start = match.start()
            parts.append(text[position:start])
            position = match.end()
            if match["operator"]:
                if position > line_end:
                    line_end = _line_end(text, position)
                    last_brace = text.rfind("}", position, line_end)
                if last_brace < position:
                    raise _invalid(text, start)
                end = _closing_brace(text, start, last_brace + 1)
                parts.append(self._apply(match, text[position:end], depth))
                position = end + 1
            else:
                parts.append(self._simple(match, text))
            length += len(parts[-1]) + len(parts[-2])
            if length > self._limit:
                raise TemplateError(f"the result is more than {MAX_GROWTH} characters longer")
        parts.append(text[position:])
        return "".join(parts)

    def _simple(self, match: re.Match[str], text: str) -> str:
        if match["escaped"]:
            return "$"
        name = match["plain"] or (match["closed"] and match["name"])
        if not name:
            raise _invalid(text, match.start())
        value = self._lookup(name)
        if value is None:
            self._missing(name)
            return ""
        return value

    def _apply(self, match: re.Match[str], argument: str, depth: int) -> str:
        name, operator = match["name"], match["operator"]
        value = self._lookup(name)
        present = value is not None and (value != "" or operator[0] != ":")
        if operator[-1] == "+":
            return self.run(argument, depth + 1) if present else ""
        if present:
            return value or ""
        if operator[-1] == "?" and self._is_lenient:
            self._missing(name)
            return ""
        if operator[-1] == "?":
            # The text of the author is not interpolated, so that no value reaches a message.
            raise TemplateError(f"required variable {name!r} is missing a value", argument)
        return self.run(argument, depth + 1)


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _closing_brace(text: str, start: int, end: int) -> int:
    """Return the index of the brace that closes the expression at `start`, or of the last one."""
    depth = 0
    for brace in _BRACE.finditer(text, start, end):
        depth += 1 if brace[0][0] == "{" else -1
        if depth == 0:
            return brace.start()
    return end - 1


def _invalid(text: str, start: int) -> TemplateError:
    reason = "invalid interpolation format (write $$ for a dollar sign)"
    return TemplateError(reason, text[start : start + 200])
