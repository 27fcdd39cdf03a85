"""The problems of a policy set as text: a line for each, and their number."""

from __future__ import annotations

from collections.abc import Sequence

from policyd.errors import PolicySetError
from policyd.formats.table import visible


def text(problems: Sequence[PolicySetError], *, colour: bool = False) -> str:
    """Return `problems`, each with its place, and how many there are."""
    count = len(problems)
    total = f"{count} problem{'s' if count > 1 else ''}" if count else "no problems"
    return "".join(f"{line}\n" for line in (*(visible(str(one)) for one in problems), total))
