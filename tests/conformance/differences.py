"""Where policyd differs from `docker compose config` on purpose: case, and the reason.

A case listed here must differ: the test fails when it starts to agree, so that the list stays true.
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
"""By "area/name"."""

REFUSED_ON_PURPOSE: dict[str, str] = {
    "a byte order mark is inside the file": "Docker takes it for text, and nobody sees it",
    "duplicate key 'name'": "Docker overlooks a second one through an alias",
    "an alias cannot be the merge key": "Docker takes it for a key of the alias's name",
}
"""What our refusal says where Docker loads the project, in random projects; and why."""
