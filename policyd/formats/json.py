"""Documents as indented JSON, with each character escaped that controls a terminal.

In: structs, mappings, sequences and scalars, as a document of policyd.wire. Out: text.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

_UNSAFE: Final = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def render(document: Any, *, colour: bool = False) -> str:
    """Return `document` as indented JSON. JSON has no colours."""
    return escaped(msgspec.json.format(msgspec.json.encode(document), indent=2).decode()) + "\n"


def escaped(text: str) -> str:
    """Return the JSON text `text` with each character escaped that controls a terminal."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
