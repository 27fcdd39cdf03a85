"""Built-in functions and operators of Rego that simple statements may use.

In: values of Rego. Out: what every engine returns for them. Raises Doubt for arguments for which
an engine may fail, or may differ from others: values of other types, and texts beyond ASCII where
these matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from policyd.lazy_pattern import lazy_pattern
from policyd.policies.rego_values import (
    SCALARS,
    UNDEFINED,
    Doubt,
    RegoSet,
    defined,
    number,
    starts_with,
    step,
    whole,
)

LONGEST: Final = 128
"""Characters of a text that is matched with a pattern: the time grows with its square."""
LONGEST_MADE: Final = 100_000
"""Characters or items of a value that a function makes of others."""
_REPEATS: Final = 2
MOST_CHOICES: Final = 32
"""Combinations of the alternatives and optional parts of a pattern: Python may try them all."""
_KINDS: Final = (*SCALARS, list, tuple, dict, msgspec.Struct, RegoSet)
_PATTERN: Final = lazy_pattern(
    r"(?:\(\?i\))?(?:[A-Za-z0-9_/:=.@, ^$|()?*+-]|\[[A-Za-z0-9_.:+-]+\])*"
)
"""Patterns that mean the same in every engine."""
_NESTED: Final = lazy_pattern(r"[)?*+][*+]|\(\?(?!i\))")
"""Repetitions that may take exponential time, and groups of other kinds."""
_TOKEN: Final = lazy_pattern(r"\[[^\]]*\]|.")


class Builtin(NamedTuple):
    """A function and the number of its arguments."""

    arity: int
    call: Callable[..., Any]


def _need_at_most(size: int) -> None:
    if size > LONGEST_MADE:
        raise Doubt


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Doubt


def _ascii(value: Any) -> str:
    if isinstance(value, str) and value.isascii() and value.isprintable():
        return value
    raise Doubt


def _list(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    raise Doubt


def _count(value: Any) -> int:
    if isinstance(value, (list, tuple, dict, RegoSet)):
        return len(value)
    raise Doubt


def _numbers(value: Any) -> list[int]:
    if isinstance(value, RegoSet):
        value = list(value.by_form.values())
    return [number(each) for each in _list(value)]


def _some_numbers(value: Any) -> list[int]:
    found = _numbers(value)
    if not found:
        raise Doubt
    return found


def _split(text: Any, separator: Any) -> list[str]:
    if not _text(separator):
        raise Doubt
    return _text(text).split(separator)


def _replace(text: Any, old: Any, new: Any) -> str:
    if not _text(old):
        raise Doubt
    _need_at_most(len(_text(text)) + len(_text(new)) * text.count(old))
    return _text(text).replace(old, new)


def _index(text: Any, part: Any) -> int:
    if not _ascii(part):
        raise Doubt
    return _ascii(text).find(part)


def _substring(text: Any, start: Any, length: Any) -> str:
    first, size = number(start), number(length)
    if not 0 <= first <= len(_ascii(text)):
        raise Doubt
    return _ascii(text)[first : first + size if size >= 0 else None]


def _get(value: Any, key: Any, default: Any) -> Any:
    if not isinstance(value, (dict, msgspec.Struct)):
        raise Doubt
    found = step(value, _text(key))
    return defined(default) if found is UNDEFINED else found


def _object_union(left: Any, right: Any) -> dict[str, Any]:
    if not isinstance(left, dict) or not isinstance(right, dict):
        raise Doubt
    if any(isinstance(left[key], (dict, msgspec.Struct)) for key in left.keys() & right.keys()):
        raise Doubt  # objects in both are merged in turn
    return {**left, **right}


def _sorted(values: Any) -> list[str]:
    if isinstance(values, RegoSet):
        values = list(values.by_form.values())
    return sorted(map(_text, _list(values)))


def _array_concat(left: Any, right: Any) -> list[Any]:
    first, second = _list(left), _list(right)
    _need_at_most(len(first) + len(second))
    return first + second


def _joined(between: Any, texts: Any) -> str:
    found = _sorted(texts) if isinstance(texts, RegoSet) else [*map(_text, _list(texts))]
    _need_at_most(sum(map(len, found)) + len(found) * len(_text(between)))
    return _text(between).join(found)


@lru_cache(maxsize=1_024)
def _kinds(text: str) -> str:
    """Return the kinds of the values that the format `text` needs: s or d, one after the other."""
    kinds = "".join(part[:1] or "%" for part in text.split("%")[1:])
    if not set(kinds) <= {"s", "d"}:
        raise Doubt
    return kinds


def _formatted(text: Any, values: Any) -> str:
    """Return sprintf with %s for texts and %d for whole numbers."""
    kinds = _kinds(_text(text))
    given = tuple(_list(values))
    if len(kinds) != len(given):
        raise Doubt
    size = len(text)
    for kind, value in zip(kinds, given, strict=True):
        if kind == "d":
            number(value)
        else:
            size += len(_text(value))
    _need_at_most(size)
    made: str = text % given
    return made


def _keys(value: Any) -> RegoSet:
    if not isinstance(value, dict):
        raise Doubt
    return RegoSet(value)


def _choices(pattern: str) -> int:
    """Return in how many ways alternatives and optional parts of `pattern` can be combined.

    Raises Doubt for a pattern whose groups are not balanced.
    """
    before: list[tuple[int, int]] = []
    others, ways, last = 0, 1, 1
    for part in _TOKEN.findall(pattern.removeprefix("(?i)")):
        if part == "(":
            before.append((others, ways))
            others, ways, last = 0, 1, 1
        elif part == ")":
            if not before:
                raise Doubt
            last = others + ways
            others, ways = before.pop()
            ways *= last
        elif part == "|":
            others, ways, last = others + ways, 1, 1
        elif part == "?":
            ways = ways // last * (last + 1)
        else:
            last = 1
    return others + ways


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    if not _PATTERN.fullmatch(pattern) or _NESTED.search(pattern):
        raise Doubt
    if sum(map(pattern.count, "*+")) > _REPEATS or _choices(pattern) > MOST_CHOICES:
        raise Doubt
    try:
        return re.compile(pattern, re.ASCII)
    except re.error:
        raise Doubt from None


def _matches(pattern: Any, text: Any) -> bool:
    """Return whether `pattern` matches: in printable ASCII, $ is the end, and (?i) is certain."""
    if len(_ascii(text)) > LONGEST:
        raise Doubt
    return _compiled(_text(pattern)).search(text) is not None


def _is(*kinds: type) -> Builtin:
    def holds(value: Any) -> bool:
        if not isinstance(value, _KINDS):
            raise Doubt
        return isinstance(value, kinds)

    return Builtin(1, holds)


BUILTINS: Final = {
    "array.concat": Builtin(2, _array_concat),
    "concat": Builtin(2, _joined),
    "contains": Builtin(2, lambda text, part: _text(part) in _text(text)),
    "count": Builtin(1, _count),
    "endswith": Builtin(2, lambda text, end: _text(text).endswith(_text(end))),
    "indexof": Builtin(2, _index),
    "is_array": _is(list, tuple),
    "is_object": _is(dict, msgspec.Struct),
    "is_string": _is(str),
    "lower": Builtin(1, lambda text: _ascii(text).lower()),
    "max": Builtin(1, lambda values: max(_some_numbers(values))),
    "min": Builtin(1, lambda values: min(_some_numbers(values))),
    "object.get": Builtin(3, _get),
    "object.keys": Builtin(1, _keys),
    "object.union": Builtin(2, _object_union),
    "regex.match": Builtin(2, _matches),
    "replace": Builtin(3, _replace),
    "set": Builtin(0, RegoSet),
    "sort": Builtin(1, _sorted),
    "split": Builtin(2, _split),
    "sprintf": Builtin(2, _formatted),
    "startswith": Builtin(2, starts_with),
    "substring": Builtin(3, _substring),
    "sum": Builtin(1, lambda values: whole(sum(_numbers(values)))),
    "to_number": Builtin(1, number),
    "trim_left": Builtin(2, lambda text, characters: _ascii(text).lstrip(_ascii(characters))),
    "trim_prefix": Builtin(2, lambda text, start: _text(text).removeprefix(_text(start))),
    "trim_right": Builtin(2, lambda text, characters: _ascii(text).rstrip(_ascii(characters))),
    "trim_space": Builtin(1, lambda text: _ascii(text).strip(" ")),
    "trim_suffix": Builtin(2, lambda text, end: _text(text).removesuffix(_text(end))),
    "upper": Builtin(1, lambda text: _ascii(text).upper()),
}
"""The functions by name."""


def applied(call: Callable[..., Any], arity: int) -> Callable[..., Any]:
    """Return `call` with a Scope before its arguments, which counts the value.

    It is undefined if one of its arguments is. Raises Doubt as `call` and the Scope do.
    """
    if arity == 1:
        return lambda scope, only: UNDEFINED if only is UNDEFINED else scope.counted(call(only))
    if arity == 2:
        return lambda scope, left, right: (
            UNDEFINED
            if left is UNDEFINED or right is UNDEFINED
            else scope.counted(call(left, right))
        )

    def applied(scope: Any, *arguments: Any) -> Any:
        for argument in arguments:
            if argument is UNDEFINED:
                return UNDEFINED
        return scope.counted(call(*arguments))

    return applied


def is_prefixed(text: Any, prefix: Any) -> bool:
    """Return whether both values are defined, and `text` starts with `prefix`. Raises Doubt."""
    return text is not UNDEFINED and prefix is not UNDEFINED and starts_with(text, prefix)


def lists_of(length: int) -> Callable[[Iterator[Any]], Iterator[Any]]:
    """Return what yields the lists of `length` in values."""

    def lists(found: Iterator[Any]) -> Iterator[Any]:
        for value in found:
            if isinstance(value, (list, tuple)) and len(value) == length:
                yield value

    return lists


def _difference(left: Any, right: Any) -> Any:
    if isinstance(left, RegoSet) and isinstance(right, RegoSet):
        return left.without(right)
    return whole(number(left) - number(right))


def _set(value: Any) -> RegoSet:
    if isinstance(value, RegoSet):
        return value
    raise Doubt


OPERATIONS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "Intersection": lambda left, right: _set(left).common(_set(right)),
    "Add": lambda left, right: whole(number(left) + number(right)),
    "Sub": _difference,
    "Mul": lambda left, right: whole(number(left) * number(right)),
    "Union": lambda left, right: _set(left).union(_set(right)),
}
"""The operators by their names in the syntax tree."""
