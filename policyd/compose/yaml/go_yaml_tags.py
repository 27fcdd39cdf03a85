"""Scan the tags, anchors and directives of a YAML file, as go-yaml v4 does.

In: a cursor at their first character. Out: what they say; the cursor is behind them. Source:
go-yaml v4.0.0 internal/libyaml/scanner.go (scanAnchor, scanTag, scanDirective).
"""

from __future__ import annotations

import re
from typing import Final

from policyd.compose.yaml.go_yaml_cursor import BLANKS, BLANKS_OR_END, BREAKS_OR_END, END, Cursor

_ANCHOR: Final = re.compile(r"(?::*[!-+\--9;-Z\\^-z|~])*")
"""Visible ASCII without the flow indicators; colons at the end are not part of the name."""

_AFTER_ANCHOR: Final = BLANKS_OR_END + "?:,]}%@`"
_WORD: Final = re.compile(r"[0-9A-Za-z_-]*")
_HANDLE: Final = re.compile(r"![0-9A-Za-z_-]*!?")
_TAG_CHARACTERS: Final = r"0-9A-Za-z_\-;/?:@&=+$.!~*'()"
_SUFFIX: Final = re.compile(rf"(?:[{_TAG_CHARACTERS}]|%[0-9A-Fa-f]{{2}})*")
_VERBATIM: Final = re.compile(rf"(?:[{_TAG_CHARACTERS},\[\]{{}}]|%[0-9A-Fa-f]{{2}})*")
_ESCAPED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_VERSION: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})(?![0-9])")

Tag = tuple[str | None, str]
"""The handle of a tag (None: it has none) and its suffix."""

Directive = tuple[str, tuple[int, int] | tuple[str, str]]
"""The name of a directive, and a version or the handle and the prefix of tags."""


def scan_anchor(cursor: Cursor) -> str:
    """Return the name of the anchor or alias at `cursor`."""
    start = cursor.mark()
    found = _ANCHOR.match(cursor.text, cursor.at + 1)
    name = "" if found is None else found.group()
    cursor.at += 1 + len(name)
    if not name or cursor.char not in _AFTER_ANCHOR:
        raise cursor.error(
            "an anchor or alias needs a name of visible ASCII characters without ,[]{}", start
        )
    return name


def scan_tag(cursor: Cursor, in_flow: bool) -> Tag:
    """Return the tag at `cursor`."""
    start = cursor.at
    if cursor.text[start + 1] == "<":
        cursor.at += 2
        tag: Tag = (None, _scan_uri(cursor, _VERBATIM))
        if cursor.char != ">":
            raise cursor.error("expected '>' at the end of the tag")
        cursor.at += 1
    else:
        handle = _scan_handle(cursor)
        if len(handle) > 1 and handle.endswith("!"):
            tag = (handle, _scan_uri(cursor, _SUFFIX))
        else:
            suffix = _scan_uri(cursor, _SUFFIX, head=handle[1:])
            tag = ("!", suffix) if suffix else (None, "!")
    ends = BLANKS_OR_END + (",]}" if in_flow else "")
    if cursor.char not in ends:
        raise cursor.error(f"{cursor.char!r} cannot be part of a tag")
    return tag


def _scan_handle(cursor: Cursor) -> str:
    found = _HANDLE.match(cursor.text, cursor.at)
    if found is None:
        raise cursor.error("expected '!'")
    cursor.at = found.end()
    return found.group()


def _scan_uri(cursor: Cursor, pattern: re.Pattern[str], *, head: str | None = None) -> str:
    """Return the URI at `cursor`, with its escapes decoded; `head` is the part before it."""
    found = pattern.match(cursor.text, cursor.at)
    written = "" if found is None else found.group()
    if not written and head is None:
        raise cursor.error("expected a tag")
    try:
        decoded = _ESCAPED.sub(_decode, written)
    except UnicodeDecodeError:
        raise cursor.error("the escapes of the tag are not UTF-8") from None
    cursor.at += len(written)
    return (head or "") + decoded


def _decode(found: re.Match[str]) -> str:
    return bytes.fromhex(found.group().replace("%", "")).decode()


def scan_directive(cursor: Cursor) -> Directive:
    """Return the directive at `cursor`, which is behind its line afterwards."""
    start = cursor.mark()
    cursor.at += 1
    found = _WORD.match(cursor.text, cursor.at)
    name = "" if found is None else found.group()
    cursor.at += len(name)
    if name not in ("YAML", "TAG") or cursor.char not in BLANKS_OR_END:
        raise cursor.error("a line that starts with '%' must be a %YAML or %TAG directive", start)
    cursor.skip_blanks()
    directive: Directive = (
        (name, _scan_version(cursor)) if name == "YAML" else (name, _scan_tag_prefix(cursor))
    )
    end = cursor.at
    cursor.skip_blanks()
    if cursor.char == "#" and cursor.at > end:
        cursor.skip_to_break()
    if cursor.char not in BREAKS_OR_END:
        raise cursor.error("expected a line break after the directive")
    if cursor.char != END:
        cursor.read_break()
    return directive


def _scan_version(cursor: Cursor) -> tuple[int, int]:
    found = _VERSION.match(cursor.text, cursor.at)
    if found is None:
        raise cursor.error("expected a version such as 1.1")
    cursor.at = found.end()
    return int(found[1]), int(found[2])


def _scan_tag_prefix(cursor: Cursor) -> tuple[str, str]:
    handle = _scan_handle(cursor)
    if handle != "!" and not (len(handle) > 1 and handle.endswith("!")):
        raise cursor.error("expected '!' at the end of the handle")
    if cursor.char not in BLANKS:
        raise cursor.error("expected a space after the handle")
    cursor.skip_blanks()
    prefix = _scan_uri(cursor, _VERBATIM)
    if cursor.char not in BLANKS_OR_END:
        raise cursor.error("expected a space or a line break after the prefix")
    return handle, prefix
