"""The cases that the loader does not yet answer as Compose does, in pending.txt, a name a line.

A listed case that agrees fails the test, so that the list only shrinks. The list is temporary.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_LIST = Path(__file__).parent / "pending.txt"


def pending() -> frozenset[str]:
    """Return the names (area/name) of the listed cases."""
    return frozenset(_LIST.read_text().split())


def remove(names: Iterable[str]) -> None:
    """Remove `names` from the list."""
    left = sorted(pending().difference(names))
    _LIST.write_text("".join(f"{name}\n" for name in left))
