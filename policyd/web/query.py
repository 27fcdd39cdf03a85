"""Read query parameters. In: a request and a struct type. Out: an instance of that type."""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar

import msgspec
from flask import Request

from policyd.errors import RequestError
from policyd.expected_values import expected
from policyd.suggestion import did_you_mean

Parameters = TypeVar("Parameters", bound=msgspec.Struct)


class NoParameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a route without parameters."""


def parameters(request: Request, kind: type[Parameters]) -> Parameters:
    """Return the query of `request`. A field of type tuple[str, ...] may be given several times.

    Raises RequestError for a parameter that is unknown, duplicate or of a wrong type.
    """
    known = _types(kind)
    values: dict[str, Any] = {}
    for name, given in request.args.lists():
        if name not in known:
            hint = did_you_mean(name, known)
            raise RequestError(f"unknown query parameter {name!r}{hint}")
        if known[name] == tuple[str, ...]:
            values[name] = given
        elif len(given) > 1:
            raise RequestError(f"the query parameter {name} is given {len(given)} times")
        else:
            values[name] = given[0]
    try:
        found = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise RequestError(f"invalid query: {_problem(values, known) or error}") from error
    # msgspec reads the text "null" as None, which would be no filter at all.
    read = msgspec.structs.asdict(found)
    for name in values:
        if read[_names(kind)[name]] is None:
            raise RequestError(f"invalid query: null is no value of {name}")
    return found


def _problem(values: dict[str, Any], known: dict[str, Any]) -> str:
    """Return which of `values` has a wrong type and what would be right, "" if each one has."""
    for name, value in values.items():
        try:
            msgspec.convert(value, known[name], strict=False)
        except msgspec.ValidationError:
            return f"{name}: expected {expected(known[name])}"
    return ""


@cache
def _names(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {field.encode_name: field.name for field in msgspec.structs.fields(kind)}


@cache
def _types(kind: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
