"""Load single values and lists of texts into the types that Compose has for them.

In: a node that the schema has accepted. Out: plain values: sizes are decimal strings of bytes,
durations Go strings ("1m30s"), file modes octal strings. Source: compose-go v2.16.2 types/*.go
(DecodeMapstructure), loader/mapstructure.go (cast).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

from policyd.compose.node_error import NodeError
from policyd.compose.nodes import Node, describe
from policyd.compose.phases.interpolate import cast_bool
from policyd.compose.phases.merge import sprint
from policyd.compose.table.field import Field
from policyd.compose.text.command_line import split
from policyd.compose.text.quantities import format_duration, parse_duration, parse_size
from policyd.compose.text.scalars import (
    ScalarError,
    parse_float,
    parse_float32,
    parse_int,
    round_float32,
)
from policyd.compose.yaml.resolver import INT64, UINT64, Timestamp
from policyd.masking import in_quotes, sensitive

Model = Callable[[Node, Field], Any]
Value = TypeVar("Value")

_SHORT: Final = 16
"""The longest text, in characters, that stays in the cache from one project to the next."""


def as_json(node: Node) -> Any:
    """Return a free-form value as JSON has it: timestamps as RFC 3339 strings."""
    value = node.value
    if type(value) is dict:
        return {key: as_json(child) for key, child in value.items()}
    if type(value) is list:
        return [as_json(child) for child in value]
    return value.rfc3339 if isinstance(value, Timestamp) else value


def _remembered(read: Callable[[str], Value]) -> Callable[[str], Value]:
    """Return `read` with a cache for short texts: most files use the same few sizes and times."""
    remember = functools.lru_cache(maxsize=256)(read)
    return lambda text: remember(text) if len(text) <= _SHORT else read(text)


@_remembered
def _duration_text(text: str) -> str:
    return format_duration(parse_duration(text))


@_remembered
def _size_text(text: str) -> str:
    return str(parse_size(text))


@_remembered
def _cpu_count(text: str) -> float:
    return round_float32(parse_float(text))


def unfit(node: Node, wanted: str) -> NodeError:
    """Return the error for a value of another type than its field has."""
    return NodeError(f"expected {wanted}, found {describe(node)}", node)


def text(node: Node, _field: Field) -> str:
    value = node.value
    if type(value) is str:
        return value
    if type(value) is int and value in INT64:
        return str(value)
    raise unfit(node, "a string")


def _strings(node: Node, field: Field) -> list[str]:
    if type(node.value) is not list:
        raise unfit(node, "a list")
    return [
        value if type(value := child.value) is str else "" if value is None else text(child, field)
        for child in node.value
    ]


def _texts(node: Node, _field: Field) -> list[str]:
    if type(node.value) is str:
        return [node.value]
    if type(node.value) is not list:
        raise unfit(node, "a string or a list")
    for child in node.value:
        if type(child.value) is not str:
            raise unfit(child, "a string")
    return [child.value for child in node.value]


def _numbers(node: Node, _field: Field) -> list[str]:
    if type(node.value) is not list:
        raise unfit(node, "a list")
    return [sprint(child) for child in node.value]


def _command(node: Node, field: Field) -> list[str] | None:
    """Return the words of a command. Compose ignores a timestamp."""
    if type(node.value) is str:
        return split(node.value)
    return _texts(node, field) if type(node.value) is list else None


def _test(node: Node, field: Field) -> list[str]:
    return ["CMD-SHELL", node.value] if type(node.value) is str else _texts(node, field)


def _bool(node: Node, _field: Field) -> bool:
    if type(node.value) is bool:
        return node.value
    if type(node.value) is str:
        return cast_bool(node.value)
    raise unfit(node, "true or false")


def _int(node: Node, _field: Field) -> int:
    value = node.value
    if type(value) is str:
        return parse_int(value)
    if type(value) not in (int, float):
        raise unfit(node, "an integer")
    number = int(value)
    if number in INT64:
        return number
    return INT64[0] if type(value) is float else number - 2**64


def _unsigned(bits: int) -> Callable[[Node, Field], int]:
    def model(node: Node, _field: Field) -> int:
        if type(node.value) not in (int, float):
            raise unfit(node, "an integer")
        if node.value < 0:
            raise NodeError(f"expected 0 or more, found {sensitive(str(node.value))}", node)
        whole = int(node.value)
        # A float beyond 64 bits is converted as on amd64.
        number: int = (whole if whole in UINT64 else 2**63) % 2**bits
        return number

    return model


def _float(node: Node, _field: Field) -> float:
    if type(node.value) is str:
        return parse_float32(node.value)
    if type(node.value) not in (int, float):
        raise unfit(node, "a number")
    return round_float32(float(node.value))


def _cpus(node: Node, field: Field) -> float:
    if type(node.value) is str:
        return _cpu_count(node.value)
    if type(node.value) is int and node.value not in INT64:
        raise unfit(node, "a number of CPUs")
    return _float(node, field)


def _bytes(node: Node, _field: Field) -> str:
    """Return a size. Compose ignores floats, so they mean no limit."""
    value = node.value
    if type(value) is str:
        return _size_text(value)
    return str(value) if type(value) is int and value in INT64 else "0"


def _duration(node: Node, _field: Field) -> str:
    return _duration_text(sprint(node))


def _count(node: Node, _field: Field) -> int:
    value = node.value
    if type(value) is str:
        if value.lower() == "all":
            return -1
        try:
            return parse_int(value)
        except ScalarError:
            raise NodeError(
                f"expected a whole number or `all`, found {in_quotes(value[:60])}", node
            ) from None
    if type(value) is int and value in INT64:
        return value
    raise NodeError(f"expected a whole number or `all`, found {sensitive(sprint(node))}", node)


def _mode(node: Node, _field: Field) -> str:
    value = node.value
    if type(value) is str:
        return f"0{parse_int(value, 8):o}"
    if type(value) is int and value in INT64:
        return f"0{value:o}"
    raise unfit(node, "an octal number")


VALUES: Final[dict[str, Model]] = {
    "any": lambda node, _field: as_json(node),
    "bool": _bool,
    "bool!": _bool,
    "bool?": _bool,
    "bytes": _bytes,
    "bytes!": _bytes,
    "command": _command,
    "command!": _command,
    "count": _count,
    "cpus": _cpus,
    "duration": _duration,
    "duration?": _duration,
    "float": _float,
    "int": _int,
    "int!": _int,
    "int?": _int,
    "mode?": _mode,
    "numbers": _numbers,
    "opt-out": _bool,
    "opt-out!": _bool,
    "str": text,
    "str!": text,
    "strings": _strings,
    "test": _test,
    "texts": _texts,
    "uint16": _unsigned(16),
    "uint16!": _unsigned(16),
    "uint32": _unsigned(32),
    "uint32?": _unsigned(32),
    "uint64": _unsigned(64),
    "uint64?": _unsigned(64),
}
