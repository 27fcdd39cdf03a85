"""Values of the input and of data, as Rego compares and iterates them.

In: structs, dicts, lists, tuples and scalars, which stand for JSON. Out: what is below them, their
items, whether they are equal. Raises Doubt for what Rego may read in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


def below_all(values: Sequence[Any], key: str) -> list[Any]:
    """Return what is below each of `values` at `key`."""
    kinds = set(map(type, values))
    if len(kinds) == 1 and issubclass(kind := kinds.pop(), msgspec.Struct) and key in _fields(kind):
        return [getattr(value, key) for value in values]
    return [step(value, key) for value in values]


def different(values: Sequence[Any]) -> list[Any]:
    """Return `values` without repeated scalars."""
    if all(type(value) is str for value in values):
        return list(set(values))
    scalars = {(type(each), each): each for each in values if isinstance(each, SCALARS)}
    return [*scalars.values(), *(each for each in values if not isinstance(each, SCALARS))]


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


def is_equal(left: Any, right: Any) -> bool:
    """Return whether `left == right` holds in Rego."""
    return left is not UNDEFINED and right is not UNDEFINED and equal(left, right)


def is_different(left: Any, right: Any) -> bool:
    """Return whether `left != right` holds in Rego."""
    return left is not UNDEFINED and right is not UNDEFINED and not equal(left, right)


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


def with_constant(holds: Callable[[Any, Any], bool], constant: Any) -> Callable[[Any], bool]:
    """Return `holds`, a function of this module, with `constant` as its second argument."""
    if isinstance(constant, str) and holds is is_equal:
        return lambda value: bool(value == constant)
    if isinstance(constant, str) and holds is is_different:
        return lambda value: value is not UNDEFINED and bool(value != constant)
    if holds is is_in and isinstance(constant, tuple) and all(isinstance(c, str) for c in constant):
        texts = frozenset(constant)
        return lambda value: isinstance(value, str) and value in texts
    return lambda value: holds(value, constant)
