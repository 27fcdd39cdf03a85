"""Random YAML by the line below an `x-` key: indentation, tabs, comments, flow style, block texts.

In: a source of randomness. Out: a `Case` without an answer. `soup.py` puts tokens in a row; here
the lines are nearly right, so that more of them are accepted, and what they mean is compared.
"""

from __future__ import annotations

from random import Random

from tests.conformance.case import Case

_PIECES = (
    *("a: ", "b: ", "- ", "- ", "- a: ", "k", "k:", "? k", ": v", "a : b", "", "", "\t", "- - "),
    *("a: {", "b: [", "x: 1,", "'y': 2,", "z,", "}", "]", "},", "],", "{a,", "{a: 1}", "[1, 2]"),
    *('"q": 1', "[a: b]", "a: {b: {", "}}", ", w", ": w", "a: ?b", "x? y", ":a", "a:b", "-"),
    *("# c", "#c", "a: |", "b: >-", "|+", ">2", "text", "two words", "'it", "s'", '"d', 'q"'),
    *("a: &a", "<<: *a", "*a", "*a : 1", "&a:b 1", "*a:b", "!!str 1", "!t", "a: !t", "!!str,"),
    *('"\\/"', '"\\\'"', "...", "---", "%YAML 1.1", "1e3", "0x1f", "+5", "~", "2024-01-01"),
)
_INDENTATION = ("", "", "  ", "  ", "    ", " ", "\t", "  \t", "   ", "\t  ")
_ENDS = ("", "", "", "", " ", "\t", " # c", "\t# c", "# c", ",")
_FILE_ENDS = ("\n", "\n", "", " ", "\n\t", "\n  ", "\n# c", "\n\t# c\n", "\r\n", "\n...\n")


def project(random: Random) -> Case:
    """Return a project with some lines of YAML under `x-v`."""
    lines = [_line(random) for _ in range(random.choice((1, 2, 3, 4, 5, 7, 9)))]
    line_break = random.choice(("\n", "\n", "\n", "\n", "\r\n", "\r"))
    head = random.choice(("x-v:", "x-v:", "x-v: [", "x-v: {", "x-v: |", "x-v: >-"))
    text = line_break.join(["services: {}", head, *lines]) + random.choice(_FILE_ENDS)
    if random.random() < 0.3:
        text += "x-w: 1\n"
    return Case("lines/project", {"compose.yaml": text.encode()})


def _line(random: Random) -> str:
    pieces = "".join(random.choice(_PIECES) for _ in range(random.choice((1, 1, 1, 2))))
    return (
        " " * random.choice((0, 1, 2, 2))
        + random.choice(_INDENTATION)
        + pieces
        + random.choice(_ENDS)
    )
