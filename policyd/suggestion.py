"""Suggest the name that was probably meant by an unknown one.

In: a name and the known names. Out: the nearest of them, or the end of an error message.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

CUTOFF: Final = 0.7
"""Least similarity of a suggestion, from 0 to 1: below this, suggestions were mostly noise."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the name in `known` that is most similar to `name`, or "" when none is similar."""
    # Imported here: difflib takes 10 ms to load, and only an error needs it.
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), 1, CUTOFF)), "")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean X?" with the nearest name in `known`, or "" when none is similar."""
    near = nearest(name, known)
    return f"; did you mean {near}?" if near else ""
