"""Decisions as one JSON document, a DecisionList.

In: reviewed projects. Out: indented JSON with a final newline, keys as in a webhook's `response`,
and `source`, the path that was judged. Characters that a terminal obeys are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from policyd.formats.reviewed import Reviewed
from policyd.model import API_VERSION

_UNSAFE: Final = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def render(results: Sequence[Reviewed], _colour: bool = False) -> str:
    """Return the decisions in `results` as a DecisionList, without colour in any case."""
    decisions = [
        {
            "source": result.source,
            **msgspec.to_builtins(result.decision),
            **({"matches": result.matches} if result.matches else {}),
        }
        for result in results
    ]
    return document({"apiVersion": API_VERSION, "kind": "DecisionList", "decisions": decisions})


def document(value: Any) -> str:
    """Return `value` (structs, mappings, sequences, scalars) as indented JSON."""
    return escaped(msgspec.json.format(msgspec.json.encode(value), indent=2).decode()) + "\n"


def escaped(text: str) -> str:
    """Return the JSON text `text` with each character that a terminal obeys or hides escaped."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
