"""Refuse JSON objects that other readers would understand differently.

Go matches keys without regard to case, and takes the last one: {"env": …, "Env": …} is one key to
it. In: the pairs of an object. Errors: ValueError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def folded(names: Iterable[str]) -> dict[str, str]:
    """Return `names` by their form without regard to case."""
    return {name.casefold(): name for name in names}


def check_keys(pairs: Iterable[tuple[str, Any]], known: Mapping[str, str]) -> None:
    """Raise ValueError for keys that differ in case only, from each other or from `known` ones."""
    seen: dict[str, str] = {}
    for name, _ in pairs:
        key = name.casefold()
        if key in seen:
            raise ValueError(f"the keys {seen[key]!r} and {name!r} are the same key for Docker")
        if known.get(key, name) != name:
            raise ValueError(f"the key {name!r} must be written {known[key]!r}")
        seen[key] = name
