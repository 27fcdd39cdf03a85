"""Random YAML text below an `x-` key: both loaders print what they read there.

In: a source of randomness. Out: a `Case` without an answer.
"""

from __future__ import annotations

from random import Random

from tests.conformance.case import Case

_TOKENS = (
    *(
        "a",
        "b",
        "k",
        "é",
        "1",
        "x y",
        "true",
        "~",
        "a:b",
        "-1",
        "-a",
        "?a",
        ":a",
        "a#b",
        "a:",
        "🐳",
    ),
    *(
        "- ",
        "- ",
        "? ",
        ": ",
        ": ",
        "a: ",
        "b: ",
        ", ",
        ",",
        "[",
        "]",
        "{",
        "}",
        "[]",
        "{}",
        " #c",
        "#",
    ),
    *(
        "'",
        '"',
        "'a'",
        '"b"',
        "'it''s'",
        '"\\n"',
        '"\\x41"',
        '"\\u00e9"',
        '"\\/"',
        '"\\ "',
        '"\\',
        "\\",
    ),
    *(
        "|",
        ">",
        "|-",
        ">+",
        "|2",
        ">1-",
        "|\n",
        ">\n",
        "&a ",
        "&b ",
        "*a",
        "*b",
        "*a : ",
        "!t ",
        "!",
    ),
    *(
        "!!str ",
        "!!int ",
        "<<: ",
        "<<",
        "!<x> ",
        "!!seq ",
        "%",
        "@",
        "`",
        "=",
        "!e!t ",
        "&a",
        "!!binary ",
    ),
    *(
        "\n",
        "\n",
        "\n  ",
        "\n  ",
        "\n    ",
        "\n ",
        "\n\n",
        "\n   ",
        "\t",
        " ",
        "  ",
        "\n\t",
        "\r",
        "\r\n",
    ),
    *(
        "\u0085",
        "\u2028",
        "\u2029",
        "\ufeff",
        "\u00a0",
        "\x7f",
        "\u200b",
        "\ud7ff",
        "\ufffd",
        "\U0010ffff",
    ),
    *(
        "---",
        "\n---\n",
        "\n...\n",
        "--- a",
        "\n--- ",
        "\n%YAML 1.1\n---\n",
        "\n- ",
        "\n  - ",
        "\n  k: ",
    ),
    *(
        "-\t",
        "- \t",
        ":\t",
        "\t- ",
        "\n\t\n",
        "\n\t#c\n",
        "\n#c\n",
        " \t",
        "? \t",
        "#\t",
        "...",
        "\n...",
    ),
    *("&a:b ", "*a:b ", "&a: ", "!!str,", "!t,", "!,", "? a", "a? ", "a?,", "'a'#c", "]#c", "|#c"),
    *('"\\\'"', "\n: b", "\n  : b", "!!float ", "18446744073709551615", "+18446744073709551616"),
)
_ENDS = ("\n", "\n", "\n", "", " ", "\n\n", "\r\n", "\n...\n")


def project(random: Random) -> Case:
    """Return a project with random YAML text, most often below `x-v`."""
    count = random.choice((2, 3, 4, 6, 9))
    soup = "".join(random.choice(_TOKENS) for _ in range(count))
    form = random.randrange(6)
    if form == 0:
        text = f"services: {{}}\nx-v: {soup}"
    elif form == 1:
        text = f"services: {{}}\nx-v:\n  {soup}"
    elif form == 2:
        text = f"services: {{}}\nx-v: [{soup}]"
    elif form == 3:
        text = f"services: {{}}\nx-v: {{{soup}}}"
    elif form == 4:
        text = f"{soup}\nservices: {{}}\nx-v: 1"
    else:
        text = f'services: {{}}\nx-v: "{soup}"'
    text += random.choice(_ENDS)
    if random.random() < 0.3:
        text += "x-w: 1\n"
    return Case("soup/project", {"compose.yaml": text.encode()})
