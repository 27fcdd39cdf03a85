"""Say in a few lines why a request is denied; `docker` and `docker compose` print them as they are.

In: a decision. Out: a text that ends with the id of the decision.
"""

from __future__ import annotations

from typing import Final

from policyd.model import Decision, Violation

MOST: Final = 5
"""Violations that are shown."""
LONGEST: Final = 600
"""Characters of one message or remediation."""


def denial(decision: Decision) -> str:
    """Return the reasons of `decision`, which denies, with their remediations and its id."""
    denying = [one for one in decision.violations if one.enforcement_action == "deny"]
    end = f"(decision {decision.decision_id})"
    if not denying:
        return f"{_line(decision.status.message)} {end}"
    if len(denying) == 1:
        return f"{_sentence(denying[0])} {end}"
    lines = [f"{len(denying)} violations:", *(f"- {_sentence(one)}" for one in denying[:MOST])]
    if len(denying) > MOST:
        lines.append(f"- and {len(denying) - MOST} more")
    return "\n".join((*lines, end))


def _sentence(violation: Violation) -> str:
    message = f"{violation.policy}: {_line(violation.message)}"
    if not violation.remediation:
        return message
    return f"{message}. Fix: {_line(violation.remediation).rstrip('.')}."


def _line(text: str) -> str:
    """Return `text` on one line without control characters, not longer than LONGEST."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
