"""Compare two JSON values as Go prints them, so that 1, 1.0 and true differ.

In: values of `json` or of the loader. Out: a line for each difference.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any


class Number(str):
    """A number as its JSON text."""

    def __repr__(self) -> str:
        return str(self)


_ABSENT = Number("(absent)")


def parse_json(text: bytes | str) -> Any:
    """Return the JSON value of `text`; its numbers keep their text."""
    return json.loads(text, parse_int=Number, parse_float=Number)


def float_text(value: float) -> str:
    """Return `value` as Go's encoding/json prints it: the shortest digits that read back."""
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    if 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.removesuffix(".0")
    mantissa, _, exponent = format(Decimal(repr(value)), "e").partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    return f"{mantissa}e{int(exponent):+03d}".replace("e-0", "e-")


def differences(expected: Any, actual: Any, path: str = "$") -> Iterator[str]:
    """Yield a line for each place where `actual` differs from `expected`."""
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key in sorted(expected.keys() | actual.keys(), key=str):
            yield from differences(
                expected.get(key, _ABSENT), actual.get(key, _ABSENT), f"{path}.{key}"
            )
    elif isinstance(expected, list) and isinstance(actual, list | tuple):
        for index, (one, other) in enumerate(
            itertools.zip_longest(expected, actual, fillvalue=_ABSENT)
        ):
            yield from differences(one, other, f"{path}[{index}]")
    elif _token(expected) != _token(actual):
        yield f"{path}: expected {expected!r}, got {actual!r}"


def _token(value: Any) -> tuple[str, Any]:
    """Return a scalar's kind and text; a mapping or list is never equal to a scalar."""
    match value:
        case Number():
            return "number", str(value)
        case bool() | None:
            return "word", value
        case int():
            return "number", str(value)
        case float():
            return "number", float_text(value)
        case str():
            return "string", str(value)
        case _:
            return type(value).__name__, value
