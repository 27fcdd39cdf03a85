"""Projects with a marker at each place that a project has, from the table of fields.

A marker stands for a value that must not be recorded: that of a variable, or one written in a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from policyd.compose.table.field import Field
from policyd.compose.table.fields import PROJECT
from policyd.model import Finding, Findings

VARIABLE: Final = "Vq7-variable-91"
"""The value of the variable SECRET, for which it is written ${SECRET}."""
LITERAL: Final = "Lq7-literal-92"
NUMBER: Final = 918_273_645_546_372
MARKERS: Final = ("vq7", "lq7", "918273645")
"""Parts of the markers, to look for without regard to case."""

ENVIRONMENT: Final = {"SECRET": VARIABLE}
_MAX_DEPTH: Final = 7

Place = tuple[str | int, ...]
Written = Mapping[str, Any]


def places() -> Iterator[tuple[Place, Field]]:
    """Yield every place of the table, with "web" and "thing" as names and 0 as index."""
    yield from _below(PROJECT, ())


def _below(field: Field, path: Place) -> Iterator[tuple[Place, Field]]:
    if path:
        yield path, field
    if len(path) == _MAX_DEPTH:
        return
    for key, child in field.children.items():
        yield from _below(child, (*path, key))
    if field.each is not None:
        name = "web" if path == ("services",) else "thing"
        yield from _below(field.each, (*path, name))
    if field.item is not None:
        yield from _below(field.item, (*path, 0))


def project(path: Place, value: Any) -> dict[str, Any]:
    """Return a project that has `value` at `path`, and else only what it needs."""
    written = _at(path, value)
    services = written.setdefault("services", {"web": {}})
    web = services.get("web") if isinstance(services, dict) else None
    if isinstance(web, dict):
        web.setdefault("image", "nginx")
    return written


def _at(path: Place, value: Any) -> Any:
    for key in reversed(path):
        value = [value] if isinstance(key, int) else {key: value}
    return value


def shapes(marker: Any) -> Iterator[Any]:
    """Yield values of all shapes that contain `marker`."""
    yield marker
    yield [marker]
    yield {"thing": marker}
    yield [{"thing": marker}]
    if isinstance(marker, str):
        yield f"{marker}:{marker}"
        yield f"{marker}={marker}"
        yield f"https://me:{marker}@example.com/x.git?token={marker}"
        yield f"*{marker}"
        yield {marker: "thing"}


def text(written: Written) -> bytes:
    """Return a project as the content of a file."""
    return json.dumps(written).encode()


class QuotingEngine:
    """An engine whose policy quotes every value of its input in messages and remediations."""

    name = "quoting"

    def findings(self, review_input: bytes) -> Findings:
        """Return a finding for each value of the project and of its workloads."""
        document = json.loads(review_input)
        policy = next(iter(document["constraints"]))
        return Findings(
            tuple(
                Finding(policy, f"found {value}", path=path, remediation=f"remove {value}")
                for part in ("project", "workloads")
                for path, value in _values(document[part], ())
            )
        )

    def close(self) -> None:
        """Do nothing."""


def _values(value: Any, path: Place) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _values(child, (*path, key))
    elif value is not None:
        yield path, value
