"""Deliberate differences between policyd and `docker compose config`, with their reasons.

The test fails when a case of this list agrees, so that the list stays correct.
"""

from __future__ import annotations

DELIBERATE: dict[str, str] = {
    "yaml/byte-order-mark-as-text": (
        "what Docker reads for a byte order mark inside a file depends on its buffer, and a reader "
        "cannot see the mark: refused"
    ),
    "yaml/name-of-second-file-twice-through-alias": (
        "Docker overlooks a second `name` through an alias, but in the first file: refused anywhere"
    ),
}
"""Reasons by the name of the case, area/name."""

REFUSED_ON_PURPOSE: dict[str, str] = {
    "a byte order mark is inside the file": "Docker takes it for text, and nobody sees it",
    "duplicate key 'name'": "Docker overlooks a second one through an alias",
    "an alias cannot be the merge key": "Docker takes it for a key of the alias's name",
}
"""Parts of the messages with which policyd refuses random projects that Docker loads, and why."""
