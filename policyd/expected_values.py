"""What a value of a type looks like, as messages about settings and parameters say it.

In: the type of a value, or of none. Out: a part of a sentence. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import inspect


def expected(kind: Any) -> str:
    """Return what a value of the type `kind` looks like, as an error message says it."""
    info = inspect.type_info(kind)
    if isinstance(info, inspect.UnionType):
        info = next(one for one in info.types if not isinstance(one, inspect.NoneType))
    if isinstance(info, inspect.Metadata):
        info = info.type
    if isinstance(info, inspect.IntType):
        return f"a whole number{_bounds(info)}"
    if isinstance(info, inspect.BoolType):
        return "true or false"
    if isinstance(info, inspect.LiteralType):
        return _choice(info.values)
    if isinstance(info, inspect.VarTupleType) and isinstance(info.item_type, inspect.LiteralType):
        return f"a list of {', '.join(map(str, info.item_type.values))}, at least one of them"
    if isinstance(info, inspect.VarTupleType):
        return "a list of texts, none of them empty"
    if isinstance(info, inspect.DictType):
        keys, found = info.key_type, info.value_type
        if isinstance(keys, inspect.LiteralType) and isinstance(found, inspect.LiteralType):
            return f"a table of {_choice(keys.values)} with the values {_choice(found.values)}"
        return "a table of texts"
    if isinstance(info, inspect.StrType) and "://" in (info.pattern or ""):
        return "http:// or https:// and a host, optionally with a port and a path"
    if isinstance(info, inspect.StrType) and "0-9a-f" in (info.pattern or ""):
        return "64 lowercase hexadecimal digits"
    if isinstance(info, inspect.StrType) and info.pattern:
        return f"a text that matches {info.pattern}"
    return (
        "a text"
        if isinstance(info, inspect.StrType) and not info.min_length
        else "a non-empty text"
    )


def _choice(values: Iterable[object]) -> str:
    *first, last = [str(value) for value in values if value]
    return f"{', '.join(first)} or {last}" if first else last


def _bounds(info: inspect.IntType) -> str:
    if info.ge is not None and info.le is not None:
        return f" from {info.ge} to {info.le}"
    return f" of at least {info.ge}" if info.ge is not None else ""
