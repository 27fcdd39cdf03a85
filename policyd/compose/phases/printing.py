"""Print a loaded model as `docker compose config --format json` does.

In: the model of `decode.py`. Out: plain values for JSON: empty values are omitted where Compose
omits them, and every `$` is doubled. Source: compose-go v2.16.2 types/*.go (JSON tags,
MarshalJSON), docker/compose v5 cmd/compose/config.go.
"""

from __future__ import annotations

from typing import Any, Final

from policyd.compose.table.field import Field
from policyd.model import Path

_ZEROS: Final[dict[str, Any]] = {
    "bool!": False,
    "bytes!": "0",
    "command!": None,
    "int!": 0,
    "opt-out!": False,
    "str!": "",
    "uint16!": 0,
}
_EMPTY: Final = ("", 0, False, None, "0s", "0", 0.0)


def print_project(name: str, model: dict[str, Any], project: Field) -> dict[str, Any]:
    """Return what Compose prints for the project `name`, whose model has nothing unprintable."""
    printed: dict[str, Any] = {"name": name, "services": {}}
    for key, value in model.items():
        field = project.children.get(key)
        if field is None:
            printed[key] = value
        elif key in ("services", "jobs", "networks", "volumes", "secrets", "configs"):
            entries = _print_map(value, field)
            if entries or key == "services":
                printed[key] = entries
    doubled: dict[str, Any] = _double_dollars(printed)
    return doubled


def _double_dollars(value: Any) -> Any:
    if type(value) is str:
        return value.replace("$", "$$")
    if type(value) is dict:
        return {key.replace("$", "$$"): _double_dollars(child) for key, child in value.items()}
    if type(value) is list:
        return [_double_dollars(child) for child in value]
    return value


def _print(value: Any, field: Field) -> Any:
    kind = field.model.rstrip("?!")
    if kind == "struct":
        return _print_struct(value, field)
    if kind == "map":
        return _print_map(value, field)
    if kind == "list" and field.item is not None:
        return [_print(item, field.item) for item in value]
    if kind == "limits":
        return {key: _print_limit(limit) for key, limit in value.items()}
    if kind == "ssh":
        return sorted(value)
    return value


def _print_map(value: dict[str, Any], field: Field) -> dict[str, Any]:
    each = field.each
    if each is None:
        return value
    return {key: None if child is None else _print(child, each) for key, child in value.items()}


def _print_struct(value: dict[str, Any], field: Field) -> dict[str, Any]:
    printed: dict[str, Any] = {}
    for key, child in value.items():
        below = field.children[key]
        if below.hidden or _is_omitted(child, below):
            continue
        printed[below.json] = _print(child, below)
    for below in field.always:
        if below.key not in value:
            empty = below.model == "struct!"
            printed[below.json] = _print_struct({}, below) if empty else _ZEROS[below.model]
    return printed


def _is_omitted(value: Any, field: Field) -> bool:
    model = field.model
    if model.startswith("opt-out"):
        return value is True
    if model[-1] in "?!":
        return value is None
    if type(value) is dict or type(value) is list:
        return not value
    return value in _EMPTY and not (model == "str" and value in ("0", "0s"))


def _print_limit(limit: Any) -> Any:
    if type(limit) is int:
        return limit or {}
    return {key: number for key, number in limit.items() if number}


def unprintable(model: dict[str, Any]) -> Path | None:
    """Return the path of a value of `model` that Compose cannot print as JSON, None without any.

    Such a value is an SSH key with a path in `build.ssh`.
    """
    for kind in ("services", "jobs"):
        for name, entry in model.get(kind, {}).items():
            for key, path in entry.get("build", {}).get("ssh", {}).items():
                if path:
                    return (kind, name, "build", "ssh", key)
    return None
