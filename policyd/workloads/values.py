"""Return typed values of the loaded model, whatever it contains.

In: a value of `Project.tree`. Out: a value of the requested type, which is empty if the value is
missing or has another type. No function raises.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from policyd.compose.text.scalars import ScalarError, parse_int, to_text

Tree = dict[str, Any]


def mapping(value: Any, *keys: str) -> Tree:
    """Return the mapping below `keys` of `value`, or an empty one."""
    for key in keys:
        if not isinstance(value, dict):
            return {}
        value = value.get(key)
    return value if isinstance(value, dict) else {}


def items(parent: Tree, key: str) -> Iterator[tuple[int, Any]]:
    """Yield the index and the value of each item of the list `parent[key]`."""
    value = parent.get(key)
    return enumerate(value) if isinstance(value, list) else iter(())


def entries(parent: Tree, key: str) -> Iterator[tuple[int, Tree]]:
    """Yield the index and the value of each mapping in the list `parent[key]`."""
    value = parent.get(key)
    if not isinstance(value, list):
        return iter(())  # nearly always; a generator would take longer
    return ((place, item) for place, item in enumerate(value) if isinstance(item, dict))


def text(parent: Tree, key: str) -> str:
    """Return the scalar `parent[key]` as text, "" for null, lists and mappings."""
    value = parent.get(key)
    return "" if value is None else _text(value)


def texts(parent: Tree, key: str) -> tuple[str, ...]:
    """Return the items of the list `parent[key]` as texts."""
    value = parent.get(key)
    return tuple(map(_text, value)) if isinstance(value, list) else ()


def pairs(parent: Tree, key: str) -> dict[str, str]:
    """Return the mapping `parent[key]` with its values as texts; null becomes ""."""
    found = parent.get(key)
    return {name: _text(value) for name, value in found.items()} if isinstance(found, dict) else {}


def variables(parent: Tree, key: str) -> dict[str, str | None]:
    """Return the mapping `parent[key]` with its values as texts; null stays null."""
    found = mapping(parent, key)
    return {name: None if value is None else _text(value) for name, value in found.items()}


def flag(parent: Tree, key: str) -> bool:
    """Return whether `parent[key]` is true."""
    return parent.get(key) is True


def integer(parent: Tree, key: str, default: int = 0) -> int:
    """Return `parent[key]`, an integer or its decimal text, as an integer."""
    value = parent.get(key)
    if isinstance(value, str):
        try:
            return parse_int(value)
        except ScalarError:
            return default
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def number(parent: Tree, key: str) -> float:
    """Return the number `parent[key]`, 0 if it is missing or not finite."""
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if math.isfinite(value) else 0.0


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return to_text(value) if isinstance(value, bool | int | float) else ""
