"""Watch for what libyaml reads as one text and Docker's parser reads otherwise.

In: the bytes of a file and the parser's events. Out: nothing, or an error. Source: go-yaml v4
internal/libyaml/scanner.go.
"""

from __future__ import annotations

import functools
import re
from typing import Any, Final

from yaml.scanner import ScannerError

from policyd.compose.nodes import Node
from policyd.errors import ComposeError

ODD_ANCHOR: Final = "did not find expected alphabetic or numeric character"
"""What libyaml says of the name of an anchor that it cannot read."""

_GLUED: Final = re.compile(rb":[{\[]")
"""A colon without a blank before a collection. Without one, `?` and `\\/` nothing can differ."""

_GLUED_VALUE: Final = re.compile(r"[ \t]*:[{\[]")
_BLANKS: Final = ("", " ", "\t", "\n", "\r", "\x85", "\u2028", "\u2029")
_QUESTION: Final = re.compile(r"\?\s")
_SLASH_ESCAPE: Final = re.compile(r"(?<!\\)(?:\\\\)*\\/")


class SourceText:
    """The text of a file, looked into only where an event may hide a difference."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.has_slash_escape = b"\\" in content and b"\\/" in content
        self.is_odd = self.has_slash_escape or b"?" in content or _GLUED.search(content) is not None

    def check_scalar(self, event: Any, in_flow: bool) -> None:
        """Refuse what only libyaml reads as one text.

        These are a `?` before a blank in flow style, and the escape `\\/` in double quotes.
        """
        text = event.value
        if in_flow and not event.style and "?" in text:
            ends = text.endswith("?") and self.follows_blank(event)
            if ends or _QUESTION.search(text):
                where = Node(None, event.start_mark).location
                raise ComposeError(f"quote {text[:60]!r}: it holds a `?`", where)
        elif self.has_slash_escape and event.style == '"':
            written = self.text[event.start_mark.index : event.end_mark.index]
            if _SLASH_ESCAPE.search(written):
                where = Node(None, event.start_mark).location
                raise ComposeError("unknown escape \\/ in double quotes: write /", where)

    def check_key(self, event: Any, in_flow: bool) -> None:
        """Refuse as `check_scalar`, and what only libyaml takes for a key in flow style.

        These are a text behind a `?` without a blank, and one before `:{` or `:[`.
        """
        self.check_scalar(event, in_flow)
        if not in_flow:
            return
        index, end = event.start_mark.index, event.end_mark.index
        where = Node(None, event.start_mark).location
        if self.text[index - 1 : index] == "?":
            raise ComposeError("quote a text that begins with '?' in flow style", where)
        if not event.style and _GLUED_VALUE.match(self.text, end):
            raise ComposeError(f"a blank is missing behind {event.value[:60]!r}:", where)

    def follows_blank(self, event: Any) -> bool:
        """Say whether a blank, or nothing, stands behind the text of `event`."""
        index = event.end_mark.index
        return self.text[index : index + 1] in _BLANKS

    def check_anchor(self, event: Any, sign: str) -> None:
        """Refuse a name that libyaml ends at a `?`, where Docker's parser reads on."""
        written = sign + event.anchor
        start = self.text.find(written, event.start_mark.index)
        if self.text[start + len(written) : start + len(written) + 1] == "?":
            raise ScannerError(None, None, ODD_ANCHOR, event.start_mark)

    @functools.cached_property
    def text(self) -> str:
        """The file as the parser's marks count it."""
        return self.content.decode("utf-8", "replace")
