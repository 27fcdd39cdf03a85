"""Where policyd differs from `docker compose config` on purpose: case, and the reason.

A case listed here must differ: the test fails when it starts to agree, so that the list stays true.
"""

from __future__ import annotations

_LIBYAML = "libyaml reads or refuses it otherwise than Docker's parser; nobody writes it: refused"

DELIBERATE: dict[str, str] = {
    "yaml/byte-order-mark-as-text": (
        "Docker takes a byte order mark inside a file for text, libyaml skips it at the start of a "
        "line, and nobody sees it: refused"
    ),
    "yaml/document-end-first-in-utf-16": _LIBYAML,
    "yaml/flow-text-begins-with-question-mark": _LIBYAML,
    "yaml/name-of-second-file-twice-through-alias": (
        "Docker overlooks a second `name` through an alias, but in the first file: refused anywhere"
    ),
    "yaml/tag-before-flow-text-with-question-mark": _LIBYAML,
}
"""By "area/name"."""

REFUSED_ON_PURPOSE: dict[str, str] = {
    "a byte order mark stands inside the file": "Docker takes it for text, and nobody sees it",
    "not valid YAML: ": _LIBYAML,
    "quote a text ": _LIBYAML,
    "a tag in flow style needs a value behind it": _LIBYAML,
    "duplicate key 'name'": "Docker overlooks a second one through an alias",
    "an alias cannot stand for the merge key": "Docker takes it for a key of the alias's name",
}
"""What our refusal says where Docker loads the project, in random projects; and why."""
