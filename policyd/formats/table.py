"""Text for a terminal: without control characters of projects, and with aligned columns.

In: any text, or rows of cells. Out: one line of text for each. Source: Unicode categories Cc, Cf,
Cs, Co, Cn, Zl and Zp; "Trojan Source" (CVE-2021-42574) for the order marks among them.
"""

from __future__ import annotations

from collections.abc import Sequence

GAP = "  "


def visible(text: str) -> str:
    """Return `text` with escapes for all characters that control a terminal or are invisible."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def width(text: str) -> int:
    """Return the number of columns of `text` on a terminal. `visible` must have been applied."""
    if text.isascii():
        return len(text)
    import unicodedata  # here and below, because few reports have other characters

    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return `header` and `rows` as lines with aligned columns, without trailing blanks."""
    cells = [list(header), *([visible(cell) for cell in row] for row in rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(header))]
    return [
        GAP.join(
            cell + " " * (widths[column] - width(cell)) for column, cell in enumerate(row)
        ).rstrip()
        for row in cells
    ]


def seconds(time: str) -> str:
    """Return `time`, RFC 3339 in UTC, without the fraction of the second."""
    return time[:19] + "Z"


def _shown(character: str) -> str:
    import unicodedata

    category = unicodedata.category(character)
    if category[0] != "C" and category not in ("Zl", "Zp"):
        return character
    code = ord(character)
    if code < 0x100:
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
