"""Values of the input and of data, as Rego compares and iterates them.

In: structs, dicts, lists, tuples and scalars, which stand for JSON. Out: what is below them, their
items, whether they are equal. Raises Doubt for what Rego may read in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec


class Doubt(Exception):
    """Whether a statement holds is not known without an engine."""


class Undefined:
    """The value of a reference to nothing."""


UNDEFINED: Final = Undefined()
SCALARS: Final = (str, int, float, bool, type(None))
_SIMPLE: Final = frozenset({str, int, bool, type(None)})
EXACT: Final = 2**53
"""Integers below it are the same in every engine, in whatever form these keep numbers."""
MOST_PARTS: Final = 10_000
"""Values in one value that is compared: lists that contain each other twice grow exponentially."""


class RegoSet:
    """A set: its values by their canonical forms, in any order."""

    __slots__ = ("by_form",)

    def __init__(self, values: Iterable[Any] = ()) -> None:
        """Raise Doubt for values that have no canonical form."""
        self.by_form = {canonical(value): value for value in values}

    def __len__(self) -> int:
        return len(self.by_form)

    def union(self, other: RegoSet) -> RegoSet:
        """Return the set of the values of both."""
        found = RegoSet()
        found.by_form = {**self.by_form, **other.by_form}
        return found

    def common(self, other: RegoSet) -> RegoSet:
        """Return the set of the values that are in both."""
        return self.without(self.without(other))

    def without(self, other: RegoSet) -> RegoSet:
        """Return the set of the values that are not in `other`."""
        found = RegoSet()
        found.by_form = {
            form: value for form, value in self.by_form.items() if form not in other.by_form
        }
        return found


def canonical(value: Any) -> Hashable:
    """Return what is equal for equal values, and for no others. Raises Doubt for some values."""
    if isinstance(value, str) or value is None:
        return value
    return _form(value, [MOST_PARTS])


def _form(value: Any, left: list[int]) -> Hashable:
    """Return the canonical form of `value`; `left` has the number of values it may have."""
    if isinstance(value, str) or value is None:
        return value
    kind = type(value)
    if kind in (int, bool):
        return kind, whole(value)
    if isinstance(value, msgspec.Struct) and (names := field_names(kind)):
        value = {key: getattr(value, name) for key, name in names.items()}
    left[0] -= len(value) if isinstance(value, (tuple, list, dict, RegoSet)) else 0
    if left[0] < 0:
        raise Doubt
    if kind in (tuple, list):
        return list, tuple(_form(each, left) for each in value)
    if kind is RegoSet:
        return RegoSet, frozenset(value.by_form)
    if isinstance(value, dict) and all(type(key) is str for key in value):
        return dict, frozenset((key, _form(each, left)) for key, each in value.items())
    raise Doubt


def whole(value: Any) -> int:
    """Return `value`, an integer that all engines keep exactly. Raises Doubt for others."""
    if isinstance(value, int) and -EXACT < value < EXACT:
        return value
    raise Doubt


def number(value: Any) -> int:
    """Return `value`, a number. Raises Doubt for others, and for those that are not whole."""
    if isinstance(value, bool):
        raise Doubt
    return whole(value)


_FIELDS: dict[type, dict[str, str]] = {}


def step(value: Any, key: Any) -> Any:
    """Return what is below `value` at `key`."""
    kind = type(value)
    if kind is dict:
        return value.get(key, UNDEFINED) if type(key) is str else UNDEFINED
    if kind is tuple or kind is list:
        if type(key) is int and key >= 0:
            return value[key] if key < len(value) else UNDEFINED
        raise Doubt
    if isinstance(value, msgspec.Struct):
        name = field_names(kind).get(key)
        if name is None:
            raise Doubt
        return getattr(value, name)
    if value is None or value is UNDEFINED:
        return UNDEFINED
    raise Doubt


def below_all(values: Sequence[Any], key: str) -> list[Any]:
    """Return what is below each of `values` at `key`."""
    kinds = set(map(type, values))
    kind = kinds.pop() if len(kinds) == 1 else None
    name = field_names(kind).get(key) if kind and issubclass(kind, msgspec.Struct) else None
    if name is None:
        return [step(value, key) for value in values]
    return [getattr(value, name) for value in values]


def different(values: Sequence[Any]) -> list[Any]:
    """Return `values` without repeated scalars."""
    if all(type(value) is str for value in values):
        return list(set(values))
    scalars = {(type(each), each): each for each in values if isinstance(each, SCALARS)}
    return [*scalars.values(), *(each for each in values if not isinstance(each, SCALARS))]


def field_names(kind: type[msgspec.Struct]) -> Mapping[str, str]:
    """Return the keys that JSON always has of a value of `kind`, each with its name here."""
    if kind not in _FIELDS:
        config = kind.__struct_config__
        total = not config.omit_defaults and config.tag is None
        fields = msgspec.structs.fields(kind) if total else ()
        _FIELDS[kind] = {field.encode_name: field.name for field in fields}
    return _FIELDS[kind]


def values(collection: Any) -> Iterator[Any]:
    """Return the values of `collection`."""
    kind = type(collection)
    if kind is tuple or kind is list:
        return iter(collection)
    if kind is dict:
        return iter(collection.values())
    return (value for _, value in items(collection))


def items(collection: Any) -> Iterator[tuple[Any, Any]]:
    """Return keys and values of `collection`."""
    if isinstance(collection, (tuple, list)):
        return iter(enumerate(collection))
    if isinstance(collection, dict):
        return iter(collection.items())
    if collection is UNDEFINED:
        return iter(())
    if isinstance(collection, RegoSet):
        return ((value, value) for value in collection.by_form.values())
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
    """Return whether the values are equal. Raises Doubt for some values."""
    if type(left) is type(right) and type(left) in _SIMPLE:
        return bool(left == right)
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
    return canonical(left) == canonical(right)


def is_in(value: Any, collection: Any) -> bool:
    """Return whether `value` is one of the values of `collection`."""
    if value is UNDEFINED or collection is UNDEFINED:
        return False
    if isinstance(collection, RegoSet):
        return canonical(value) in collection.by_form
    return any(equal(value, item) for _, item in items(collection))


def _are_numbers(left: Any, right: Any) -> bool:
    """Return whether both values are defined. Raises Doubt unless they are whole numbers."""
    if left is UNDEFINED or right is UNDEFINED:
        return False
    return number(left) is left and number(right) is right


def is_less(left: Any, right: Any) -> bool:
    """Return whether `left < right` holds in Rego. Only whole numbers are compared."""
    return _are_numbers(left, right) and bool(left < right)


def is_at_most(left: Any, right: Any) -> bool:
    """Return whether `left <= right` holds in Rego. Only whole numbers are compared."""
    return _are_numbers(left, right) and bool(left <= right)


def is_more(left: Any, right: Any) -> bool:
    """Return whether `left > right` holds in Rego. Only whole numbers are compared."""
    return _are_numbers(left, right) and bool(left > right)


def is_at_least(left: Any, right: Any) -> bool:
    """Return whether `left >= right` holds in Rego. Only whole numbers are compared."""
    return _are_numbers(left, right) and bool(left >= right)


def _is_empty_list(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and not value


def with_constant(holds: Callable[[Any, Any], bool], constant: Any) -> Callable[[Any], bool]:
    """Return `holds`, a function of this module, with `constant` as its second argument."""
    if isinstance(constant, str) and holds is is_equal:
        return lambda value: bool(value == constant)
    if isinstance(constant, str) and holds is is_different:
        return lambda value: value is not UNDEFINED and bool(value != constant)
    if constant is None and holds is is_equal:
        return lambda value: value is None
    if constant is None and holds is is_different:
        return lambda value: value is not UNDEFINED and value is not None
    if constant == () and holds is is_equal:
        return _is_empty_list
    if constant == () and holds is is_different:
        return lambda value: value is not UNDEFINED and not _is_empty_list(value)
    if holds is is_in and isinstance(constant, (tuple, RegoSet)):
        listed = constant if isinstance(constant, tuple) else constant.by_form.values()
        if all(isinstance(each, str) for each in listed):
            texts = frozenset(listed)
            return lambda value: isinstance(value, str) and value in texts
    return lambda value: holds(value, constant)
