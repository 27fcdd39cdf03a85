"""Recorded and random projects with changed white space, comments and document marks.

In: a source of randomness. Out: a `Case` without an answer. People indent with tabs, comment out
lines and leave marks behind, so a loader must accept exactly what Compose accepts of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from random import Random

from tests.conformance import generate, mutate
from tests.conformance.case import Case

_LINES = (
    *("\t", "\t\t", " \t", "\t ", "  \t  ", "", " ", "\t# c", "#\tc", "  \t# c", "#", "#c", " \t#"),
    *("---", "...", "--- # c", "... # c", "---\t", "...\t", "--- \t# c", " ---", "---#c", "...#c"),
    *(
        "%YAML 1.2",
        "%YAML 1.1 # c",
        "\ufeff",
        "\ufeff# c",
        "\r",
        "\t\r",
        "\x0c",
        "\u00a0",
        "\u2028",
    ),
)
_ENDS = ("\t", " \t", "\t# c", " # c", "#c", " #", "\r", "\u00a0", " \t# c", "\t#", "  ", "\u0085")
_STARTS = ("\t", " \t", "\t#", "#", "# ", "#\t", " ", "\ufeff", "\u00a0", "- \t", "-\t")


def project(random: Random) -> Case:
    """Return a project in whose files one to three places are changed."""
    case = random.choice((generate.project, mutate.recorded, mutate.recorded))(random)
    files = dict(case.files)
    names = [name for name in files if name.endswith((".yaml", ".yml"))]
    for _ in range(random.choice((1, 1, 2, 3))):
        if names:
            name = random.choice(names)
            text = files[name].decode("utf-8", "surrogateescape")
            files[name] = random.choice(_CHANGES)(text, random).encode("utf-8", "surrogateescape")
    return dataclasses.replace(case, name="whitespace/project", files=files)


def _insert_lines(text: str, random: Random) -> str:
    lines = text.split("\n")
    at = random.randint(0, len(lines))
    return "\n".join(lines[:at] + random.choices(_LINES, k=random.choice((1, 1, 2))) + lines[at:])


def _change_line(text: str, random: Random, change: Callable[[str], str]) -> str:
    lines = text.split("\n")
    at = random.randrange(len(lines))
    lines[at] = change(lines[at])
    return "\n".join(lines)


def _append(text: str, random: Random) -> str:
    return _change_line(text, random, lambda line: line + random.choice(_ENDS))


def _prepend(text: str, random: Random) -> str:
    return _change_line(text, random, lambda line: random.choice(_STARTS) + line)


def _comment_out(text: str, random: Random) -> str:
    """Comment out a line where its text begins."""

    def change(line: str) -> str:
        body = line.lstrip(" ")
        return line[: len(line) - len(body)] + random.choice(("#", "# ", "\t#", "#\t")) + body

    return _change_line(text, random, change)


def _indent_by_tabs(text: str, random: Random) -> str:
    def change(line: str) -> str:
        body = line.lstrip(" ")
        return random.choice(("\t", "\t\t", " \t", "  \t")) + body

    return _change_line(text, random, change)


def _separate_by_tabs(text: str, random: Random) -> str:
    sign = random.choice((": ", "- ", ", ", "[", "{", " #", "|", ">"))
    tab = random.choice(("\t", " \t", "\t ", "", "\t\t"))
    return _change_line(text, random, lambda line: line.replace(sign, sign.rstrip(" ") + tab, 1))


def _break_line(text: str, random: Random) -> str:
    """Break a line at a blank, as in a text or a flow collection of several lines."""
    at = text.find(" ", random.randint(0, len(text)))
    between = random.choice(
        ("\n", "\n\t", "\n \t", "\n\n", "\n# c\n", "\n  ", "\n    ", " # c\n  ")
    )
    return text if at < 0 else text[:at] + between + text[at + 1 :]


def _end(text: str, random: Random) -> str:
    return text.rstrip("\n") + random.choice(("", "\t", "\n\t", "\n...", "\n---", "\n# c", " # c"))


_CHANGES = (
    *(_insert_lines, _insert_lines, _append, _append, _prepend, _comment_out, _comment_out),
    *(_indent_by_tabs, _separate_by_tabs, _separate_by_tabs, _break_line, _end),
)
