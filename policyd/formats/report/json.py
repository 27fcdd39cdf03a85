"""Decisions as one JSON document, a DecisionList.

In: a report. Out: indented JSON.
"""

from __future__ import annotations

import msgspec

from policyd import wire
from policyd.formats import json
from policyd.formats.report.entries import Report


def render(report: Report, *, colour: bool = False) -> str:
    """Return the decisions in `report` as a DecisionList."""
    decisions = [
        {
            "source": result.source,
            **msgspec.to_builtins(result.decision),
            **({"matches": result.matches} if result.matches else {}),
        }
        for result in report.results
    ]
    return json.render(wire.DecisionList(decisions=decisions, undecided=report.undecided))
