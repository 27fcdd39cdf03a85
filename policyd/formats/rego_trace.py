"""The trace of a policy as text.

In: traces of `policyd.rego_trace`. Out: text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from policyd.formats.table import visible
from policyd.rego_trace import Step, Trace

WIDTH: Final = 200
"""Characters of a value that are shown."""
SHOWN: Final = 3
"""Values of a reference that are shown."""
NAMES: Final = ("name", "kind", "service", "path")
"""Keys that say which object it is."""


class PolicyTrace(msgspec.Struct, frozen=True):
    """The traces of a policy.

    With `every_value`, the values of expressions that drop no solution are shown too.
    """

    traces: Sequence[Trace]
    every_value: bool = False


def text(found: PolicyTrace, *, colour: bool = False) -> str:
    """Return a line for each definition and each expression, with values below."""
    return "".join(f"{line}\n" for line in lines(found))


def lines(found: PolicyTrace) -> Iterator[str]:
    """Yield the lines of the text."""
    for one in found.traces:
        yield from map(visible, _trace(one, found.every_value))


def _trace(found: Trace, every_value: bool) -> Iterator[str]:
    verdict = "holds" if found.holds else "does not hold"
    yield f"{found.location}: {found.name.rpartition('.')[2]} {verdict}"
    for step in found.steps:
        dropped = step.solutions - step.kept
        yield f"  {step.outcome:9}{step.line:5}: {' '.join(step.text.split())}"
        if dropped and step.kept:
            yield f"{'':17}does not hold for {dropped} of {step.solutions}:"
        if dropped or every_value or step.outcome != "true":
            yield from _values(step)
        for called in step.called:
            yield from (f"{'':17}{line}" for line in _trace(called, every_value))


def _values(step: Step) -> Iterator[str]:
    for row in step.values:
        yield f"{'':17}{', '.join(_value(*item) for item in row.items())}"


def _value(name: str, values: Sequence[Any]) -> str:
    written = " ".join(name.split())
    if not values:
        return f"{written} is undefined"
    more = f" and {len(values) - SHOWN} more" if len(values) > SHOWN else ""
    return f"{written} = {' or '.join(map(_short, values[:SHOWN]))}{more}"


def _short(value: Any) -> str:
    """Return `value` as JSON: of a long object the keys that identify it, else its beginning."""
    shown = json.dumps(value)
    if len(shown) <= WIDTH:
        return shown
    if isinstance(value, dict) and (known := {key: value[key] for key in NAMES if key in value}):
        identified = json.dumps(known)
        if len(identified) <= WIDTH:
            return f"{identified[:-1]}, … {len(value) - len(known)} more keys}}"
    return f"{shown[:WIDTH]}…"
