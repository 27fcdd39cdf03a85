"""Divide the text of a Dockerfile into instructions, as BuildKit does.

In: a text. Out: its instructions with their flags, without comments, line continuations and the
content of here-documents. Source: buildkit v0.33 frontend/dockerfile/parser.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from policyd.compose.text.scalars import SPACES
from policyd.lazy_pattern import lazy_pattern
from policyd.workloads.dockerfile.expansion import DockerfileText, ExpansionError

BLANKS = lazy_pattern(r"[\t\v\f\r ]+")

_BYTE_SPACES = " \t\n\v\f\r\x85\xa0"
_DIRECTIVE = lazy_pattern(r"([a-zA-Z][a-zA-Z0-9]*)[\t\n\f\r ]*=[\t\n\f\r ]*(.+?)[\t\n\f\r ]*")
_DIRECTIVES = ("syntax", "escape", "check")
_HEREDOC = lazy_pattern(r"[0-9]*<<(-?)[\t\n\f\r ]*([^<]+)")
_HEREDOC_COMMANDS = ("add", "copy", "run")
_CONTINUED = {
    escape: lazy_pattern(rf"(?:(?<=[^\{escape}])|\A)\{escape}[ \t]*\Z") for escape in ("\\", "`")
}
_WORDS = {
    escape: lazy_pattern(
        rf"(?:\{escape}[\s\S]|'[^']*+(?:'|\Z)|"
        rf'"(?:\{escape}[\s\S]|[^"\{escape}])*+(?:"|\{escape}?\Z)|[^{SPACES}\'"\{escape}]++)++'
    )
    for escape in ("\\", "`")
}


class Instruction(NamedTuple):
    """`command` is in lower case. `trigger` is the instruction after ONBUILD."""

    command: str
    flags: tuple[str, ...]
    arguments: str
    trigger: Instruction | None = None


class Instructions:
    """The instructions of a text, in order.

    `escape` is the escape character and `syntax` the image of the frontend, "" if none is named:
    both are known once the first instruction is read.
    """

    def __init__(self, text: str) -> None:
        self.escape = "\\"
        self.syntax = ""
        self._lines = [line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n")]
        self._position = 0
        self._directives = True
        self._last = {line: number for number, line in enumerate(self._lines)}
        self._last_chomped = {line.lstrip("\t"): number for number, line in enumerate(self._lines)}

    def __iter__(self) -> Iterator[Instruction]:
        while self._position < len(self._lines):
            line = self._statement()
            if line.strip(SPACES):
                instruction = self._instruction(line)
                yield instruction
                self._skip_heredocs(instruction.trigger or instruction, line)

    def _statement(self) -> str:
        """Return the next line with the lines that continue it; "" for a comment."""
        text, is_open = self._continued(self._first_line())
        parts = [text]
        while is_open and self._position < len(self._lines):
            line = self._lines[self._position]
            self._position += 1
            content = line.lstrip(SPACES)
            if content and content[0] != "#":
                text, is_open = self._continued(line)
                parts.append(text)
        return "".join(parts)

    def _first_line(self) -> str:
        line = self._lines[self._position].lstrip(SPACES)
        self._position += 1
        is_comment = line.startswith("#")
        if self._directives:
            match = _DIRECTIVE.fullmatch(line[1:].lstrip(SPACES)) if is_comment else None
            self._directives = match is not None and match[1].lower() in _DIRECTIVES
            if match and match[1].lower() == "escape" and match[2] in _CONTINUED:
                self.escape = match[2]
            if match and match[1].lower() == "syntax":
                self.syntax = self.syntax or match[2]
        return "" if is_comment else line

    def _continued(self, line: str) -> tuple[str, bool]:
        match = _CONTINUED[self.escape].search(line)
        return (line[: match.start()], True) if match else (line, False)

    def _instruction(self, line: str) -> Instruction:
        words = BLANKS.split(line.strip(SPACES), maxsplit=1)
        command = words[0].lower()
        flags, arguments = _flags(words[1] if len(words) > 1 else "", self.escape)
        trigger = None
        if command == "onbuild" and BLANKS.split(arguments)[0].lower() not in ("", command):
            trigger = self._instruction(arguments)
        return Instruction(command, tuple(flags), arguments, trigger)

    def _skip_heredocs(self, instruction: Instruction, line: str) -> None:
        if "<<" not in line or instruction.command not in _HEREDOC_COMMANDS:
            return
        if _is_json(instruction.arguments):
            return
        for name, is_chomped in _heredocs(line):
            last = (self._last_chomped if is_chomped else self._last).get(name, -1)
            if last < self._position:
                return
            while self._position < len(self._lines):
                content = self._lines[self._position]
                self._position += 1
                if (content.lstrip("\t") if is_chomped else content) == name:
                    break


def _heredocs(line: str) -> list[tuple[str, bool]]:
    """Return the ends of the here-documents that `line` opens, and whether tabs are removed."""
    try:
        words = DockerfileText(line, raw=True).words()
        found = []
        for word in words:
            match = _HEREDOC.fullmatch(word)
            names = DockerfileText(match[2], keep_unset=True).words() if match else []
            if match and len(names) == 1:
                found.append((names[0], match[1] == "-"))
    except ExpansionError:
        return []
    return found


def _is_json(arguments: str) -> bool:
    if not arguments.startswith("["):
        return False
    try:
        values = json.loads(arguments)
    except (ValueError, RecursionError):
        return False
    return isinstance(values, list) and all(isinstance(value, str) for value in values)


def _flags(text: str, escape: str) -> tuple[list[str], str]:
    """Return the flags at the start of `text`, without quotes, and what follows them.

    BuildKit reads flags byte by byte: parts of characters may be spaces there.
    """
    flags: list[str] = []
    line = text.encode("utf-8", "replace").decode("latin-1")
    position = len(line) - len(line.lstrip(_BYTE_SPACES))
    while line.startswith("--", position):
        flag, position = _flag(line, position, escape)
        if flag == "--":
            break
        flags.append(flag)
        while position < len(line) and line[position] in _BYTE_SPACES:
            position += 1
    return flags, line[position:].encode("latin-1").decode("utf-8", "replace").strip(SPACES)


def _flag(text: str, position: int, escape: str) -> tuple[str, int]:
    """Return the flag at `position` of `text`, and where it ends."""
    flag: list[str] = []
    quote = ""
    while position < len(text):
        character = text[position]
        position += 1
        if character == escape:
            flag.append(text[position : position + 1])
            position += 1
        elif quote:
            if character == quote:
                quote = ""
            else:
                flag.append(character)
        elif character in ("'", '"'):
            quote = character
        elif character in _BYTE_SPACES:
            return "".join(flag), position - 1
        else:
            flag.append(character)
    return "".join(flag), position


def env_pairs(arguments: str, escape: str) -> list[tuple[str, str]]:
    """Return the names and values of ENV, as written: `NAME=VALUE …`, or the old `NAME VALUE`."""
    words = _WORDS[escape].findall(arguments)
    if words and "=" not in words[0]:
        name, *value = BLANKS.split(arguments, maxsplit=1)
        return [(name, value[0])] if value else []
    pairs = [word.partition("=") for word in words]
    return [(name, value) for name, _, value in pairs] if all(pair[1] for pair in pairs) else []


def arg_pairs(arguments: str, escape: str) -> list[tuple[str, str | None]]:
    """Return the names and defaults of ARG, as written; a default is None where there is none."""
    pairs = [word.partition("=") for word in _WORDS[escape].findall(arguments)]
    return [(name, value if equals else None) for name, equals, value in pairs]
