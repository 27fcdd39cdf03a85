"""The masked forms of the texts of a project that is recorded.

In: the values of its variables, texts. Out: the texts without these values and without credentials.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from policyd.masking import LEAST, MASK, without_credentials


class MaskedTexts(dict[str, str]):
    """The masked form of each text that is looked up: without values of variables."""

    __slots__ = ("_are_ascii", "_encoded", "_lower", "_pattern", "_variables")

    def __init__(self, variables: Sequence[str]) -> None:
        """`variables` are the values, the longest first."""
        self._variables = variables
        self._lower = [one.lower() for one in variables]
        self._are_ascii = all(map(str.isascii, variables))
        self._encoded = (
            [msgspec.json.encode(one)[1:-1] for one in self._lower] if self._are_ascii else []
        )
        self._pattern: re.Pattern[str] | None = None

    def __missing__(self, text: str) -> str:
        self[text] = masked = self.masked(text)
        return masked

    def masked(self, text: str) -> str:
        """Return `text` without values of variables, in whatever case, and without credentials.

        Compose and policyd write some values in another case.
        """
        if self._variables and len(text) >= LEAST:
            text = self._without_variables(text)
        return without_credentials(text)

    def stays(self, value: Any, absent: Sequence[bytes] = ()) -> bool:
        """Return whether all texts and numbers of `value` stay, as its JSON shows.

        False means that one may be masked, or that one of the texts `absent` may occur.
        """
        if not self._are_ascii:
            return False
        try:
            text = msgspec.json.encode(value).lower()
        except (UnicodeEncodeError, OverflowError):
            return False
        if b"@" in text or b":/" in text or not text.isascii():
            return False
        return not any(map(text.__contains__, (*self._encoded, *absent)))

    def _without_variables(self, text: str) -> str:
        if self._are_ascii and text.isascii():
            # It takes longer to compile the pattern than to mask a project without it.
            lower = text.lower()
            found = [value for value in self._lower if value in lower]
            if not found:
                return text
            if len(found) == 1:
                return _replaced(text, lower, found[0])
        if self._pattern is None:
            self._pattern = re.compile("|".join(map(re.escape, self._variables)), re.IGNORECASE)
        return self._pattern.sub(MASK, text)


def _replaced(text: str, lower: str, value: str) -> str:
    """Return `text`, which is `lower` in lower case, with MASK in place of each `value`."""
    parts, start = [], 0
    while (place := lower.find(value, start)) >= 0:
        parts.append(text[start:place])
        start = place + len(value)
    return MASK.join((*parts, text[start:]))
