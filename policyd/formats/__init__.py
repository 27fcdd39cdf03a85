"""Report formats of `policyd check`: one module for each, which renders reviewed projects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from policyd.formats import json, text
from policyd.formats.reviewed import Reviewed


class Format(Protocol):
    """A report format. A module with the function `render` is one."""

    def render(self, results: Sequence[Reviewed], *, colour: bool = False) -> str:
        """Return the report on `results`, which may be empty, with a final newline.

        `colour` allows the escape sequences of terminals.
        """


FORMATS: Final[dict[str, Format]] = {"json": json, "text": text}
"""The formats by the name that `--format` takes."""
