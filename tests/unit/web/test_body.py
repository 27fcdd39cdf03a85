from __future__ import annotations

import io

import pytest
from werkzeug.test import EnvironBuilder

from policyd.errors import PayloadTooLarge, RequestError
from policyd.web.body import MemoryRequest, body_of, check_keys
from tests.support.cases import cases


class Stream(io.BytesIO):
    """A body that remembers whether it was read."""

    was_read = False

    def read(self, size: int | None = -1) -> bytes:
        self.was_read = True
        return super().read(size)


def request(body: bytes, announced: int | None) -> tuple[MemoryRequest, Stream]:
    """Return a request with `body` that announces a length; None is a chunked request."""
    stream = Stream(body)
    environ = EnvironBuilder(method="POST").get_environ()
    environ |= {"wsgi.input": stream, "wsgi.input_terminated": True}
    environ.pop("CONTENT_LENGTH", None)
    if announced is not None:
        environ["CONTENT_LENGTH"] = str(announced)
    return MemoryRequest(environ), stream


@cases("announced", [10, None])
def test_a_body_of_the_limit_is_returned_in_full(announced: int | None) -> None:
    found, _ = request(b"0123456789", announced)

    assert body_of(found, 10) == b"0123456789"


def test_a_body_that_announces_too_much_is_refused_before_it_is_read() -> None:
    found, stream = request(b"0" * 2000, 2000)

    with pytest.raises(PayloadTooLarge) as refused:
        body_of(found, 1000)

    assert str(refused.value) == "request body too large: 2,000 bytes; the limit is 1,000"
    assert not stream.was_read


def test_a_chunked_body_above_the_limit_is_refused() -> None:
    found, _ = request(b"0" * 1001, None)

    with pytest.raises(PayloadTooLarge) as refused:
        body_of(found, 1000)

    assert str(refused.value) == "request body too large: more than 1,000 bytes"


def test_a_body_that_ends_early_is_refused() -> None:
    found, _ = request(b"0" * 7, 1000)

    with pytest.raises(RequestError) as refused:
        body_of(found, 1000)

    assert str(refused.value) == "request body incomplete: 7 of 1,000 bytes"


@cases("body", [b"{}", b'{"a": 1, "b": {"a": 2}}', b'[{"a": 1}, {"a": 2}]'])
def test_the_keys_of_one_object_are_different(body: bytes) -> None:
    check_keys(body)


@cases("body", [b'{"a": 1, "a": 1}', b'[{"x": {"a": 1, "\\u0061": 2}}]'])
def test_a_duplicate_key_is_refused_however_it_is_written(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"^duplicate key 'a'$"):
        check_keys(body)
