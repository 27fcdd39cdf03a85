"""Write a path of the model as messages show it.

In: ("services", "web", "ports", 0). Out: "services.web.ports[0]".
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from policyd.lazy_pattern import lazy_pattern
from policyd.masking import in_quotes

_SIMPLE: Final = lazy_pattern(r"[A-Za-z0-9_.\-]+\Z")


def dotted(path: Iterable[str | int]) -> str:
    """Return `path` as text for a message.

    Keys that have other characters than names are in brackets and quotes, marked as values.
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _SIMPLE.match(part):
            text += f".{part}" if text else part
        else:
            text += f"[{in_quotes(part)}]"
    return text
