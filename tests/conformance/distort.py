"""Small damage to a text: line ends, stray characters, doubled lines, other encodings."""

from __future__ import annotations

from random import Random

_INSERTED = (
    *("\t", " ", "\u2028", "\u0085", "\ufeff", "\x00", "\x07", "\u00a0", "\r", "# ", "'", '"', "$"),
    *("- ", ": ", "? ", "&x ", "*x", "!y ", "<<: ", "| ", "> ", "{", "}", "[", "]", ",", "%", "@"),
    *("---\n", "...\n", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "`", "\\", "🐳", "\u200b", "${A}"),
)


def text(content: bytes, random: Random) -> bytes:
    """Return `content` with one change."""
    string = content.decode("utf-8", "surrogateescape")
    change = random.choice((_insert, _insert, _drop, _double, _encode, _swap, _indent))
    return change(string, random)


def _bytes(string: str) -> bytes:
    return string.encode("utf-8", "surrogateescape")


def _insert(string: str, random: Random) -> bytes:
    at = random.randint(0, len(string))
    if random.random() < 0.5:
        at = string.rfind("\n", 0, at) + 1
    return _bytes(string[:at] + random.choice(_INSERTED) + string[at:])


def _drop(string: str, random: Random) -> bytes:
    at = random.randint(0, max(0, len(string) - 1))
    return _bytes(string[:at] + string[at + random.choice((1, 1, 5)) :])


def _double(string: str, random: Random) -> bytes:
    lines = string.split("\n")
    at = random.randint(0, len(lines) - 1)
    return _bytes("\n".join([*lines[: at + 1], lines[at], *lines[at + 1 :]]))


def _swap(string: str, random: Random) -> bytes:
    lines = string.split("\n")
    one, other = random.randint(0, len(lines) - 1), random.randint(0, len(lines) - 1)
    lines[one], lines[other] = lines[other], lines[one]
    return _bytes("\n".join(lines))


def _indent(string: str, random: Random) -> bytes:
    lines = string.split("\n")
    at = random.randint(0, len(lines) - 1)
    lines[at] = random.choice((" " + lines[at], "  " + lines[at], lines[at].removeprefix("  ")))
    return _bytes("\n".join(lines))


def _encode(string: str, random: Random) -> bytes:
    ends = random.choice(("\r\n", "\r", "\u2028", "\u0085", "\n"))
    string = string.replace("\n", ends)
    if random.random() < 0.2:
        string = string.rstrip()
    codec = random.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"))
    return string.encode(codec, "replace")
