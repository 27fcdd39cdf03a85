"""Find the files that libyaml may read otherwise than Docker's parser.

In: the bytes of a file. Out: the place that may be read otherwise, if there is one. Docker's
parser, go-yaml v4, is a port of libyaml with changes of its own. libyaml is twenty times as fast as
go_yaml_parser.py, so it reads all other files. Each pattern below may match a file that both read
alike: that costs time and nothing else.
"""

from __future__ import annotations

import re
from typing import Final

from policyd.lazy_pattern import lazy_pattern

_PATTERNS: Final = tuple(
    (pattern[:1] if pattern[:1] != b"\\" else pattern[1:2], lazy_pattern(pattern, re.DOTALL))
    for pattern in (
        # A comment right behind a quote, a flow sign or the header of a block scalar is an error.
        rb"""#(?:(?<=[\[\]{},"'|>]#)|(?<=[|>][-+0-9]#)|(?<=[|>][-+0-9][-+0-9]#))""",
        # Names of anchors and aliases: libyaml ends them at these signs.
        rb"&(?<=[\s\[{,:]&)[\w-]+[?:%@`]",
        rb"\*(?<=[\s\[{,:]\*)[\w-]+[?:%@`]",
        # In flow style, libyaml takes any `?` for the sign of a key, and its `:` may be anywhere.
        rb"\?(?<=[\s\[{,:]\?)",
        # In flow style, a `:` may begin a text; libyaml takes it for the sign of a value.
        rb""":(?:[^\s](?<=[\s\[{,\]}]:.)|[\[{](?<!["']:.))""",
        # In flow style, a lone `-` is an error.
        rb"-[,\[\]{}](?<=[\s\[{,:]-.)",
        # Tags, but for those of Compose: a flow sign ends them.
        rb"!(?<=[\s\[{,:]!)(?!\s|(?:reset|override)\s)",
        # Directives, and the ends of documents.
        rb"%(?<=[\r\n]%)",
        rb"\.(?<=[\r\n]\.)\.\.",
    )
)
"""A byte that each match begins with (searching for it alone is fast), and the pattern."""

_LINE_BREAKS: Final = (b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
"""NEL, LS and PS, which the patterns do not take for line breaks."""


class ReadDifferently(Exception):
    """libyaml may read this file otherwise than Docker's parser: read it with that one."""


def first_difference(content: bytes) -> int | None:
    """Return the index of the first byte that libyaml may read otherwise; None for none."""
    found = [content.find(line_break) for line_break in _LINE_BREAKS]
    stripped = content.rstrip(b" \t")
    if stripped != content and stripped[-1:] in b"\r\n":
        found.append(len(stripped))  # a last line of blanks counts as a line in a block scalar
    text = b"\n" + content
    for sign, pattern in _PATTERNS:
        if sign in content and (match := pattern.search(text)):
            found.append(match.start() - 1)
    return min((index for index in found if index >= 0), default=None)
