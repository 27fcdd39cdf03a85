"""Report formats: each module renders reviewed projects as one text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from policyd.formats import json, text
from policyd.formats.reviewed import Reviewed

FORMATS: Final[dict[str, Callable[[Sequence[Reviewed], bool], str]]] = {
    "json": json.render,
    "text": text.render,
}
"""By name: what renders the reviewed projects, given whether colour may be used."""
