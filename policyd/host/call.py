"""One request to the Docker daemon, as its authorization plugin receives it.

In: the JSON that the daemon sends. Out: a Call, whose path is decoded and has no version. Errors:
RequestError. Source: moby pkg/authorization/api.go; Go net/url (parse), net/http (ReadRequest):
the URI of a request may be absolute, http://host/path, and its path is decoded once.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, unquote

import msgspec

from policyd.errors import RequestError

READING: Final = frozenset(("GET", "HEAD", "OPTIONS"))
"""Methods of requests that change nothing."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_AUTHORITY: Final = re.compile(r"//[^/?]*")
_VERSION: Final = re.compile(r"/v([0-9.]+)(?=/)")


class Call(NamedTuple):
    """A request. `version` is that of the API in its path, () if it names none.

    `body` is b"" where the daemon hands none over. `user` is the name in the client's certificate.
    """

    method: str
    path: str
    version: tuple[int, ...] = ()
    query: dict[str, str] = {}
    body: bytes = b""
    user: str = ""
    status: int = 0

    @property
    def is_reading(self) -> bool:
        """Whether the request changes nothing."""
        return self.method in READING


class _Envelope(msgspec.Struct, rename="pascal"):
    """What the daemon sends about a request, before it is handled and after."""

    request_method: str
    request_uri: str
    request_body: bytes | None = None
    user: str = ""
    response_status_code: int = 0


def read_call(envelope: bytes) -> Call:
    """Return the request that `envelope` describes. Raises RequestError."""
    try:
        sent = msgspec.json.decode(envelope, type=_Envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise RequestError("the daemon sent a request that is not understood") from None
    path, version, query = read_uri(sent.request_uri)
    return Call(
        method=sent.request_method.upper(),
        path=path,
        version=version,
        query=query,
        body=sent.request_body or b"",
        user=sent.user,
        status=sent.response_status_code,
    )


def read_uri(uri: str) -> tuple[str, tuple[int, ...], dict[str, str]]:
    """Return path, version and query of `uri`. Raises RequestError.

    The path is decoded, absolute, and has neither a version, nor "//", nor "." and ".." as steps.
    """
    rest = uri
    if scheme := _SCHEME.match(rest):
        rest = _AUTHORITY.sub("", rest[scheme.end() :], count=1)
    raw, _, query = rest.partition("?")
    try:
        path = unquote(raw, errors="strict")
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise RequestError("the URI of the request is not valid UTF-8") from None
    if not path.startswith("/"):
        raise RequestError("the URI of the request has no absolute path")
    path = _clean(path)
    found = dict(reversed(pairs))  # the first value of a name counts
    version = _VERSION.match(path)
    if version is None:
        return path, (), found
    return path[version.end() :], _numbers(version[1]), found


def _clean(path: str) -> str:
    steps: list[str] = []
    for step in path.split("/"):
        if step == "..":
            del steps[-1:]
        elif step not in ("", "."):
            steps.append(step)
    return "/" + "/".join(steps)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part[:9]) for part in version.split(".") if part)
