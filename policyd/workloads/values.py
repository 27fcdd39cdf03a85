"""Take typed values out of the loaded model, whatever it holds.

In: a value of `Project.tree`, or what should be one. Out: a value of the wanted type, empty where
there is none or one of another kind. Nothing here raises.
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
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def items(parent: Tree, key: str) -> Iterator[tuple[int, Any]]:
    """Yield place and value of each item of the list `parent[key]`."""
    value = parent.get(key)
    return enumerate(value if isinstance(value, list) else ())


def entries(parent: Tree, key: str) -> Iterator[tuple[int, Tree]]:
    """Yield place and value of each mapping in the list `parent[key]`."""
    return ((place, item) for place, item in items(parent, key) if isinstance(item, dict))


def text(parent: Tree, key: str) -> str:
    """Return the scalar `parent[key]` as text; "" for null, lists and mappings."""
    return _text(parent.get(key))


def texts(parent: Tree, key: str) -> tuple[str, ...]:
    """Return the items of the list `parent[key]` as texts."""
    return tuple(_text(item) for _, item in items(parent, key))


def pairs(parent: Tree, key: str) -> dict[str, str]:
    """Return the mapping `parent[key]` with its values as texts; a null is ""."""
    return {name: _text(value) for name, value in mapping(parent, key).items()}


def variables(parent: Tree, key: str) -> dict[str, str | None]:
    """Return the mapping `parent[key]` with its values as texts; a null stays."""
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
    """Return the number `parent[key]`; 0 for none, and for what is not finite."""
    value = parent.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if math.isfinite(value) else 0.0


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return to_text(value) if isinstance(value, bool | int | float) else ""
