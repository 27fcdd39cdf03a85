"""Write and compile the Python functions that evaluate simple statements.

In: lines of code, and the objects that they name. Out: functions. A closure for each expression
would take five times as long. The code consists of names and of literals that are written with
`repr`; no text of a policy becomes code.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import msgspec

from policyd.policies.rego_values import (
    UNDEFINED,
    Doubt,
    RegoSet,
    canonical,
    field_names,
    is_equal,
    is_true,
    step,
)

MAX_DEPTH: Final = 15
"""Loops in loops: Python has a limit of 20."""


class Namespace:
    """The objects that generated functions name."""

    def __init__(self) -> None:
        self._objects: dict[str, Any] = {
            "__builtins__": {},
            "Doubt": Doubt,
            "UNDEFINED": UNDEFINED,
            "RegoSet": RegoSet,
            "defined": defined,
            "is_equal": is_equal,
            "is_true": is_true,
            "object_of": object_of,
            "same": same,
            "step": step,
        }
        self._fields: dict[str, str] = {}

    def name(self, value: Any) -> str:
        """Return a name for `value`."""
        name = f"o{len(self._objects)}"
        self._objects[name] = value
        return name

    def field(self, key: str) -> str:
        """Return the name of the function that returns the field `key` of a value."""
        if key not in self._fields:
            self._fields[key] = self.name(_field(key))
        return self._fields[key]

    def define(self, parameters: Sequence[str], lines: Sequence[str]) -> str:
        """Return the name of a new function with `parameters` and the body `lines`."""
        name = f"f{len(self._objects)}"
        code = "\n".join([f"def {name}({', '.join(parameters)}):", *(f" {each}" for each in lines)])
        try:
            exec(compile(code, "<simple statements>", "exec"), self._objects)  # noqa: S102 (see above)
        except (SyntaxError, RecursionError, MemoryError):  # too deep
            raise Doubt from None
        return name

    def function(self, name: str) -> Callable[..., Any]:
        """Return the function so named."""
        found: Callable[..., Any] = self._objects[name]
        return found


class Rules(Protocol):
    """What the names of a module mean. Its methods raise Doubt for what is not simple."""

    @property
    def namespace(self) -> Namespace:
        """Where the generated functions are."""

    def rule(self, steps: Sequence[str]) -> tuple[str, int] | None:
        """Return the generated function of the rule at the beginning of the path `steps` below
        data, and the length of its path. None if no package can add to `steps`.
        """

    def data(self, steps: Sequence[str]) -> Any:
        """Return the data at `steps`."""

    def function(self, name: str, arguments: int) -> str | None:
        """Return the generated function of what a module calls `name`.

        None if it is not of the policy set.
        """

    def path_of(self, name: str) -> list[str] | None:
        """Return the path below data of the rule or the import that a module calls `name`."""

    def lists_workloads(self, steps: Sequence[str]) -> bool:
        """Return whether the rule at `steps` is a list of some of the workloads."""


class Block:
    """Lines, each of which may indent those after it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.loops = 0
        self._indent = ""

    def add(self, line: str) -> None:
        """Add a line."""
        self.lines.append(self._indent + line)

    def open(self, line: str) -> None:
        """Add a line that begins a block: `if …:` or `for …:`. Raises Doubt if it is too deep."""
        self.loops += line.startswith("for ")
        if self.loops > MAX_DEPTH:
            raise Doubt
        self.add(line)
        self._indent += " "


def defined(value: Any) -> Any:
    """Return `value`. Raises Doubt if there is none."""
    if value is UNDEFINED:
        raise Doubt
    return value


def object_of(pairs: Sequence[tuple[Any, Any]]) -> dict[str, Any]:
    """Return the object with `pairs`. Raises Doubt for keys of other types or with two values."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if not isinstance(key, str):
            raise Doubt
        found[key] = same(found.get(key, UNDEFINED), value)
    return found


def same(left: Any, right: Any) -> Any:
    """Return the value that a rule has by two definitions. Raises Doubt if they differ."""
    if right is UNDEFINED or left is right:
        return left
    if left is UNDEFINED:
        return right
    if canonical(left) != canonical(right):
        raise Doubt
    return left


def _field(key: str) -> Callable[[Any], Any]:
    """Return what returns the field `key` of a value, as `step` does, in less time."""
    known: dict[type, str] = {}

    def field(value: Any) -> Any:
        kind = type(value)
        if kind is dict:
            return value.get(key, UNDEFINED)
        name = known.get(kind)
        if name is not None:
            return getattr(value, name)
        found = step(value, key)
        if isinstance(value, msgspec.Struct):
            known[kind] = field_names(kind)[key]
        return found

    return field
