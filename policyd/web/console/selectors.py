"""What a reader may see of the places that a constraint or an exception names.

In: the globs of a selector by field, what the reader may see. Out: the globs that can match places
which the reader may see. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from policyd.audit.visibility import ALL, Visibility
from policyd.policies.matching import matches_any


def visible_globs(
    globs: Mapping[str, Sequence[str]], visibility: Visibility
) -> dict[str, Sequence[str]] | None:
    """Return `globs` without those for places that are not visible.

    Returns None if the selector can only match such places. A field without globs matches all.
    """
    found = {field: names for field, names in globs.items() if names}
    for field, visible in visibility._asdict().items():
        if field in found and ALL not in visible:
            found[field] = [glob for glob in found[field] if _overlaps(glob, visible)]
    return found if all(found.values()) else None


def _overlaps(glob: str, visible: Sequence[str]) -> bool:
    """Return whether `glob` is among the names that `visible` matches, or matches one of these."""
    return any(matches_any((one,), glob) or matches_any((glob,), one) for one in visible)
