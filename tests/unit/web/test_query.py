from __future__ import annotations

from typing import Annotated

import msgspec
import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from policyd.errors import RequestError
from policyd.web.query import NoParameters, parameters
from tests.support.cases import cases


class Query(msgspec.Struct, frozen=True, rename="camel"):
    limit: Annotated[int, msgspec.Meta(ge=1, le=10)] = 5
    is_allowed: bool | None = None
    files: tuple[str, ...] = ()


def request(query: str) -> Request:
    return Request(EnvironBuilder(query_string=query).get_environ())


@cases(
    ("query", "expected"),
    [
        ("", Query()),
        ("limit=10&isAllowed=true", Query(10, True)),
        ("files=a&files=b%20c", Query(files=("a", "b c"))),
        ("files=a", Query(files=("a",))),
    ],
)
def test_parameters_are_read_by_their_types(query: str, expected: Query) -> None:
    assert parameters(request(query), Query) == expected


@cases(
    ("query", "message"),
    [
        ("limt=3", "unknown query parameter 'limt'; did you mean limit?"),
        ("limit=1&limit=2", "the query parameter limit is given 2 times"),
        ("is_allowed=true", "unknown query parameter 'is_allowed'; did you mean isAllowed?"),
    ],
)
def test_a_parameter_that_is_unknown_or_duplicate_is_refused(query: str, message: str) -> None:
    with pytest.raises(RequestError) as refused:
        parameters(request(query), Query)

    assert str(refused.value) == message


@cases(
    ("query", "message"),
    [
        ("limit=0", "limit: expected a whole number from 1 to 10"),
        ("limit=11", "limit: expected a whole number from 1 to 10"),
        ("limit=x", "limit: expected a whole number from 1 to 10"),
        ("limit=", "limit: expected a whole number from 1 to 10"),
        ("isAllowed=maybe", "isAllowed: expected true or false"),
    ],
)
def test_a_value_of_a_wrong_type_is_refused_with_what_would_be_right(
    query: str, message: str
) -> None:
    with pytest.raises(RequestError) as refused:
        parameters(request(query), Query)

    assert str(refused.value) == f"invalid query: {message}"


def test_null_is_no_value() -> None:
    with pytest.raises(RequestError) as refused:
        parameters(request("isAllowed=null"), Query)

    assert str(refused.value) == "invalid query: null is no value of isAllowed"


def test_a_route_without_parameters_takes_none() -> None:
    assert parameters(request(""), NoParameters) == NoParameters()
    with pytest.raises(RequestError):
        parameters(request("x=1"), NoParameters)
