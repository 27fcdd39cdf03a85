"""Read the body of a request, and check the keys of JSON.

In: a request and a limit. Out: all bytes of the body. Errors: PayloadTooLarge, RequestError.
"""

from __future__ import annotations

import io
import json
from typing import IO, Any

from flask import Request

from policyd.errors import PayloadTooLarge, RequestError


class MemoryRequest(Request):
    """A request that keeps uploaded files in memory: they are small and may contain secrets."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def body_of(request: Request, limit: int) -> bytes:
    """Return the body of `request`, at most `limit` bytes.

    Raises PayloadTooLarge for a longer body: before reading it if its length is announced. Raises
    RequestError for a shorter body than announced.
    """
    # Werkzeug truncates a chunked body at its limit without an error, so one more byte is read.
    request.max_content_length = limit + 1
    if (request.content_length or 0) > limit:
        raise PayloadTooLarge(
            f"request body too large: {request.content_length:,} bytes; the limit is {limit:,}"
        )
    body = request.get_data()
    if len(body) < (request.content_length or 0):
        raise RequestError(
            f"request body incomplete: {len(body):,} of {request.content_length:,} bytes"
        )
    if len(body) > limit:
        raise PayloadTooLarge(f"request body too large: more than {limit:,} bytes")
    return body


def check_keys(body: bytes) -> None:
    """Raise ValueError if an object in the JSON document `body` has a duplicate key.

    Decoders differ in which of the values they take (RFC 8259, section 4).
    """
    json.loads(body.decode(), object_pairs_hook=_check_pairs)


def _check_pairs(pairs: list[tuple[str, Any]]) -> None:
    keys = set()
    for key, _ in pairs:
        if key in keys:
            raise ValueError(f"duplicate key {key!r}")
        keys.add(key)
