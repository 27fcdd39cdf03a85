"""Mask the values of a project in texts that are recorded or logged.

A message has two forms. The visible one, with the values that it quotes, is for the caller, who
sent them. The masked one is for the audit log, logs and other readers: it names paths and kinds of
values, and has MASK for each value. Who writes a message puts each value into `sensitive`; the two
characters that mark it cannot occur in a quoted text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from policyd.lazy_pattern import lazy_pattern

MASK: Final = "***"
"""What the masked form of a text has in place of a value."""
LEAST: Final = 4
"""Characters of the shortest value that is searched for in texts: shorter ones are 1, on, all."""
_WINDOW: Final = 16
"""Longer values are also found by their parts: each has all 16 characters of one of its windows."""

_START, _END = "\x02", "\x03"
_MARKED: Final = lazy_pattern(f"{_START}[^{_END}]*{_END}")
_PLAIN_NAME: Final = lazy_pattern(r"[A-Za-z0-9_./\-]+")
_USER_INFO: Final = lazy_pattern(
    r"(?<=://)[^\s/?#'\"]*@|(?<![\w:@.\-])[^\s/@:'\"]+:[^\s/@'\"]+@(?!sha)"
)
_QUERY: Final = lazy_pattern(r"(:/[^\s?#'\"]*)[?#][^\s'\"]+")
_ORDINARY: Final = lazy_pattern(r"true|false|null|none|[0-9.]{1,5}", re.IGNORECASE)


class MarkedError(ValueError):
    """An error whose message may quote values of a project. Its text is the visible form."""

    def __init__(self, message: str) -> None:
        """`marked` becomes `message`, in which the values are marked."""
        super().__init__(visible(message))
        self.marked = message


def sensitive(shown: str) -> str:
    """Return `shown` marked as a value that only the caller may see."""
    return f"{_START}{visible(shown)}{_END}"


def in_quotes(value: str) -> str:
    """Return `value` in quotes, marked as a value that only the caller may see."""
    return sensitive(repr(value))


def named(key: str) -> str:
    """Return `key` in quotes, marked as a value unless it consists of characters of names."""
    return repr(key) if _PLAIN_NAME.fullmatch(key) else sensitive(repr(key))


def visible(message: str) -> str:
    """Return the form of `message` that the caller sees."""
    return message.replace(_START, "").replace(_END, "")


def complete(part: str) -> str:
    """Return the beginning `part` of a message with the end of a mark that was cut off."""
    return part + _END if part.rfind(_START) > part.rfind(_END) else part


def masked(message: str) -> str:
    """Return the form of `message` without the values that are marked in it."""
    return without_credentials(visible(_MARKED.sub(MASK, message)))


def without_credentials(text: str) -> str:
    """Return `text`, whose URLs have neither user information nor a query nor a fragment."""
    if "@" in text:
        text = _USER_INFO.sub("", text)
    return _QUERY.sub(r"\1", text) if ":/" in text else text


def replaced(text: str, values: Iterable[str]) -> str:
    """Return `text` with MASK in place of `values`, except of short and ordinary ones."""
    for value in sorted(filter(is_searched, values), key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


class Values:
    """Values that must not occur in a text. Case is ignored."""

    def __init__(self, values: Iterable[str], public: Collection[str] = ()) -> None:
        """`public` are texts that may be shown although they are also values: names, devices."""
        self._lengths: dict[str, set[int]] = {}
        """The lengths of the values by the characters that they begin with."""
        self._beginnings: set[tuple[str, ...]] = set()
        """The characters that values begin with."""
        self._whole: set[str] = set()
        self._windows: set[str] = set()
        shown = {text.casefold() for text in public}
        for value in {value.strip().casefold() for value in values} - shown:
            if not is_searched(value):
                continue
            if len(value) <= 2 * _WINDOW:
                self._whole.add(value)
                self._lengths.setdefault(value[:LEAST], set()).add(len(value))
                self._beginnings.add(tuple(value[:LEAST]))
            else:
                starts = (*range(0, len(value) - _WINDOW, _WINDOW), len(value) - _WINDOW)
                self._windows.update(value[start : start + _WINDOW] for start in starts)

    def occur_in(self, text: str) -> bool:
        """Return whether `text` has one of the values, or a long part of one."""
        text = text.casefold()
        # Most texts have none of the beginnings, which is found out in a third of the time.
        parts = zip(*(text[skip:] for skip in range(LEAST)), strict=False)
        if not self._beginnings.isdisjoint(parts):
            for start in range(len(text) - LEAST + 1):
                for length in self._lengths.get(text[start : start + LEAST], ()):
                    end = start + length
                    if text[start:end] in self._whole and _is_word(text, start, end):
                        return True
        return any(
            text[start : start + _WINDOW] in self._windows
            for start in range(len(text) - _WINDOW + 1 if self._windows else 0)
        )


def is_searched(value: str) -> bool:
    """Return whether `value` is searched for in texts: it is neither short nor ordinary."""
    return len(value) >= LEAST and not _ORDINARY.fullmatch(value)


def _is_word(text: str, start: int, end: int) -> bool:
    """Return whether text[start:end] is not only a part of a longer word.

    Long values are not words: they are found within other text, too.
    """
    if end - start >= 2 * LEAST:
        return True
    begins = start == 0 or not (text[start - 1].isalnum() and text[start].isalnum())
    return begins and not (text[end - 1].isalnum() and text[end : end + 1].isalnum())
