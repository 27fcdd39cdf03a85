"""Lists as CSV and as JSON Lines, for spreadsheets and programs.

In: the fields of each item. Out: text. A cell that a spreadsheet could read as a formula begins
with an apostrophe. Sources: RFC 4180; OWASP, "CSV Injection".
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from policyd.formats.json import escaped
from policyd.formats.table import visible
from policyd.model import to_json

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet reads as the beginning of a formula."""


def csv_text(header: Sequence[str], items: Iterable[Any]) -> str:
    """Return a table with the columns `header`: the fields of `items` as in their JSON.

    A list or an object is one cell with JSON, so that a number of devices is never taken for an id.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for item in items:
        fields = msgspec.to_builtins(item)
        writer.writerow([_cell(fields.get(name)) for name in header])
    return text.getvalue()


def literal(text: str) -> str:
    """Return `text` as a cell that no spreadsheet reads as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def json_lines(items: Iterable[Any]) -> str:
    """Return one line of JSON for each of `items`."""
    return "".join(f"{escaped(to_json(item).decode())}\n" for item in items)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int | float):
        return to_json(value).decode()
    text = value if isinstance(value, str) else escaped(to_json(value).decode())
    return visible(literal(text))
