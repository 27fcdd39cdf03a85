"""Text in XML documents: only characters that XML 1.0 allows, and everything escaped."""

from __future__ import annotations

from typing import Final

from policyd.formats.table import visible

_ESCAPES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def attributes(**values: str | int) -> str:
    """Return `values` as attributes, each after a blank, with unsafe characters made visible."""
    return "".join(
        f' {name}="{visible(str(value)).translate(_ESCAPES)}"' for name, value in values.items()
    )
