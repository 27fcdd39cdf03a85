"""Refuse Rego that is nested too deeply to be parsed in reasonable time.

In: the text of a Rego file. Out: nothing, or a PolicySetError. The parser of regorus takes twice as
long for each further level of brackets: half a second for 12, eight seconds for 14 (measured with
gordon-to-regorus 0.13). So brackets are counted before the text is parsed.
"""

from __future__ import annotations

from typing import Final

from policyd.errors import PolicySetError
from policyd.lazy_pattern import lazy_pattern
from policyd.model import Location

MAX_BRACKETS: Final = 11
"""Levels of brackets. The policies that come with policyd have at most 9, in their tests."""

_TOKEN: Final = lazy_pattern(r'"(?:[^"\\\n]|\\.)*"|`[^`]*`|#[^\n]*|[(\[{]|[)\]}]')


def check_nesting(file: str, text: str) -> None:
    """Raise PolicySetError, with its place, for a bracket that is nested too deeply."""
    depth = 0
    for found in _TOKEN.finditer(text):
        if found[0] in ")]}":
            depth = max(0, depth - 1)
        elif found[0] in "([{":
            depth += 1
            if depth > MAX_BRACKETS:
                raise PolicySetError(
                    f"brackets are nested more than {MAX_BRACKETS} levels deep; use variables or "
                    "functions for the inner parts",
                    _location(file, text, found.start()),
                )


def _location(file: str, text: str, offset: int) -> Location:
    line_start = text.rfind("\n", 0, offset) + 1
    return Location(file, text.count("\n", 0, offset) + 1, offset - line_start + 1)
