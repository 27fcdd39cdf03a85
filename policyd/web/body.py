"""The body of a request. In: a request and a limit. Out: its bytes, all of them."""

from __future__ import annotations

import io
from typing import IO, Any

from flask import Request

from policyd.errors import PayloadTooLarge


class MemoryRequest(Request):
    """A request whose form's files stay in memory: they hold secrets, and a body is bounded."""

    def _get_file_stream(self, *_: Any, **__: Any) -> IO[bytes]:
        return io.BytesIO()


def body_of(request: Request, limit: int) -> bytes:
    """Return the body of `request`, which is at most `limit` bytes long.

    A longer one is refused before it is read where its length is announced, else on the way.
    Raises PayloadTooLarge.
    """
    # Werkzeug ends a chunked body at its limit as if it were whole: one more byte tells.
    request.max_content_length = limit + 1
    if (request.content_length or 0) > limit:
        raise PayloadTooLarge(
            f"the body has {request.content_length:,} bytes; the limit is {limit:,}"
        )
    body = request.get_data(cache=False)
    if len(body) > limit:
        raise PayloadTooLarge(f"the body has more than {limit:,} bytes")
    return body
