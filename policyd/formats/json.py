"""Decisions as one JSON document, a DecisionList; and any other document as indented JSON.

In: reviewed projects, or a document of policyd.wire. Out: indented JSON with a final newline.
Characters that control a terminal are escaped.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from policyd import wire
from policyd.formats.report import Report

_UNSAFE: Final = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def render(report: Report, *, colour: bool = False) -> str:  # noqa: ARG001
    """Return the decisions in `report` as a DecisionList. JSON has no colours."""
    decisions = [
        {
            "source": result.source,
            **msgspec.to_builtins(result.decision),
            **({"matches": result.matches} if result.matches else {}),
        }
        for result in report.results
    ]
    return document(wire.DecisionList(decisions=decisions, undecided=report.undecided))


def document(value: Any) -> str:
    """Return `value` (structs, mappings, sequences, scalars) as indented JSON."""
    return escaped(msgspec.json.format(msgspec.json.encode(value), indent=2).decode()) + "\n"


def escaped(text: str) -> str:
    """Return the JSON text `text` with each character escaped that controls a terminal."""
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
