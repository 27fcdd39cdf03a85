"""Values of the input and of data, as Rego compares and iterates them.

In: structs, dicts, lists, tuples and scalars, which stand for JSON. Out: what is below them, their
items, whether they are equal. Raises Doubt for what Rego may read in another way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec


class Doubt(Exception):
    """Whether a statement holds is not known without an engine."""


class Undefined:
    """The value of a reference to nothing."""


UNDEFINED: Final = Undefined()
SCALARS: Final = (str, int, float, bool, type(None))

_FIELDS: dict[type, frozenset[str]] = {}


def step(value: Any, key: Any) -> Any:
    """Return what is below `value` at `key`."""
    if isinstance(value, msgspec.Struct):
        if key in _fields(type(value)):
            return getattr(value, key)
        raise Doubt
    if isinstance(value, dict):
        return value.get(key, UNDEFINED) if isinstance(key, str) else UNDEFINED
    if value is None or value is UNDEFINED:
        return UNDEFINED
    raise Doubt


def _fields(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Return the fields of `kind` that always have their own names in JSON."""
    if kind not in _FIELDS:
        config = kind.__struct_config__
        fields = msgspec.structs.fields(kind)
        total = not config.omit_defaults and config.tag is None
        _FIELDS[kind] = frozenset(f.name for f in fields if total and f.name == f.encode_name)
    return _FIELDS[kind]


def items(collection: Any) -> Iterator[tuple[Any, Any]]:
    """Return keys and values of `collection`."""
    if isinstance(collection, (tuple, list)):
        return iter(enumerate(collection))
    if isinstance(collection, dict):
        return iter(collection.items())
    if collection is UNDEFINED:
        return iter(())
    raise Doubt


def defined(value: Any) -> Any:
    """Return `value`. Raises Doubt if there is none."""
    if value is UNDEFINED:
        raise Doubt
    return value


def starts_with(text: Any, prefix: Any) -> bool:
    """Return whether `text` starts with `prefix`."""
    if isinstance(text, str) and isinstance(prefix, str):
        return text.startswith(prefix)
    raise Doubt


def is_true(value: Any) -> bool:
    """Return whether a statement that is only `value` holds."""
    return value is not UNDEFINED and value is not False


def compared(left: Any, right: Any, wanted: bool) -> bool:
    """Return whether the values are equal, or different if not `wanted`."""
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return equal(left, right) == wanted


def equal(left: Any, right: Any) -> bool:
    """Return whether the values are equal. Only empty lists are compared with others."""
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if isinstance(left, SCALARS) and isinstance(right, SCALARS):
        if isinstance(left, bool) or isinstance(right, bool):
            return left is right
        return bool(left == right)
    if isinstance(left, SCALARS) or isinstance(right, SCALARS):
        return False
    if (
        isinstance(left, (tuple, list))
        and isinstance(right, (tuple, list))
        and not (left and right)
    ):
        return not left and not right
    raise Doubt


def is_in(value: Any, collection: Any) -> bool:
    """Return whether `value` is one of the values of `collection`."""
    if value is UNDEFINED or collection is UNDEFINED:
        return False
    return any(equal(value, item) for _, item in items(collection))
