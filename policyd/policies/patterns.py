"""Check patterns of `regex.…` and `glob.match` that the engines read differently.

In: a pattern that is a literal in Rego. Out: the problem, or "". OPA uses RE2 (Go), regorus the
crate `regex` of Rust: what only one of them accepts, or what means something else in the other,
is refused. Sources: syntax of Go's regexp/syntax; syntax of the Rust crate regex 1.
"""

from __future__ import annotations

import re
from typing import Final

MAX_REPEATS: Final = 1000
"""How often RE2 repeats a part of a pattern at most, inner repetitions included."""

_ESCAPE: Final = re.compile(
    r"\\(?:x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]+\}|[nrtfvaAz]|[!-/:-;=?@\[-`{-~])"
)
_POSIX: Final = re.compile(r"\[:\^?[a-z]+:\]")
_GROUP: Final = re.compile(r"\(\?(?::|P?<[A-Za-z_][A-Za-z0-9_]*>|[imsU]*(?:-[imsU]+)?[:)])")
_REPEAT: Final = re.compile(r"(?:[*+?]|\{(\d+)(,(\d*))?\})")
_CLASS_OPERATORS: Final = ("&&", "--", "~~")
_BEYOND_ASCII: Final = frozenset("dDwWsSbBpP")


def glob_problem(pattern: str) -> str:
    """Return why the engines match the glob `pattern` differently, or ""."""
    if "**" in pattern:
        return "the pattern of glob.match must be a string literal without **"
    if "[^" in pattern:
        return "one engine does not negate [^…] in a glob; write [!…]"
    return ""


def regex_problem(pattern: str) -> str:
    """Return why the engines match the regular expression `pattern` differently, or ""."""
    return _Reader(pattern).problem()


class _Reader:
    """Reads a regular expression from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._repeats = [1]  # for each open group, how often its parts are repeated at most
        self._closed = 1  # the same of the group that was closed last
        self._is_repeated = False

    def problem(self) -> str:
        while self._at < len(self._pattern):
            found = self._next()
            if found:
                return found
        return "the pattern has a ( without )" if len(self._repeats) > 1 else ""

    def _next(self) -> str:
        character = self._pattern[self._at]
        if repeat := _REPEAT.match(self._pattern, self._at):
            return self._repeat(repeat)
        self._is_repeated = False
        self._closed = 1
        if character == "{":
            return "one engine refuses a { that is no repetition; write \\{"
        if character == "\\":
            return self._escape()
        if character == "[":
            return self._class()
        if character == "(":
            return self._group()
        if character == ")":
            if len(self._repeats) == 1:
                return "the pattern has a ) without ("
            self._closed = self._repeats.pop()
            self._repeats[-1] = max(self._repeats[-1], self._closed)
        self._at += 1
        return ""

    def _repeat(self, repeat: re.Match[str]) -> str:
        self._at = repeat.end()
        if self._is_repeated:
            return f"one engine refuses the repetition {repeat[0]} of a repetition"
        numbers = [int(number) for number in (repeat[1], repeat[3]) if number]
        total = max([1, *numbers]) * self._closed
        if total > MAX_REPEATS:
            return f"one engine refuses more than {MAX_REPEATS} repetitions"
        self._repeats[-1] = max(self._repeats[-1], total)
        self._is_repeated = True
        if self._pattern[self._at : self._at + 1] == "?":
            self._at += 1
        return ""

    def _escape(self) -> str:
        found = _ESCAPE.match(self._pattern, self._at)
        if found:
            self._at = found.end()
            return ""
        sequence = self._pattern[self._at : self._at + 2]
        if sequence[1:] in _BEYOND_ASCII:
            return f"the engines match {sequence} differently beyond ASCII; write [0-9] or similar"
        return f"the engines read {sequence} in a pattern differently"

    def _class(self) -> str:
        self._at += 1
        if self._pattern[self._at : self._at + 1] == "^":
            self._at += 1
        first = self._at
        while self._at < len(self._pattern):
            character = self._pattern[self._at]
            if character == "]" and self._at > first:
                self._at += 1
                return ""
            if self._pattern[self._at : self._at + 2] in _CLASS_OPERATORS:
                operator = self._pattern[self._at : self._at + 2]
                return f"the engines read {operator} in a class differently; escape the characters"
            if character == "\\":
                if problem := self._escape():
                    return problem
            elif posix := _POSIX.match(self._pattern, self._at):
                self._at = posix.end()
            elif character == "[":
                return "the engines read [ in a class differently; write \\["
            else:
                self._at += 1
        return "the pattern has a [ without ]"

    def _group(self) -> str:
        self._repeats.append(1)
        if self._pattern[self._at + 1 : self._at + 2] != "?":
            self._at += 1
            return ""
        found = _GROUP.match(self._pattern, self._at)
        if not found:
            text = self._pattern[self._at : self._at + 4]
            return f"the engines read the group {text} in a pattern differently"
        if found[0].endswith(")"):
            self._repeats.pop()
        self._at = found.end()
        return ""
