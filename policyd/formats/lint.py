"""The problems of a policy set as text: a line for each, and their number."""

from __future__ import annotations

from collections.abc import Sequence

from policyd.errors import PolicySetError, PolicySetWarning
from policyd.formats.table import visible


def text(problems: Sequence[PolicySetError], *, colour: bool = False) -> str:
    """Return `problems`, each with its place, and how many errors and warnings there are."""
    warnings = sum(isinstance(problem, PolicySetWarning) for problem in problems)
    total = _count(len(problems) - warnings, "problem")
    if warnings:
        total += f", {_count(warnings, 'warning')}"
    return "".join(f"{line}\n" for line in (*(visible(str(one)) for one in problems), total))


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
