"""Send requests to the API of one forge, within limits.

In: how the forge is reached, and requests of its adapter. Out: answers, and archives on disk. Only
the configured base URL is requested, redirects only at configured hosts and without credentials.
Errors: ForgeError, which names the host and the path, never credentials or content.
"""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections.abc import Iterator
from typing import BinaryIO, Final, Protocol
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
from requests.auth import AuthBase

from policyd.archive import GZIP_WINDOW
from policyd.deadline import Deadline, remaining
from policyd.errors import ForgeError
from policyd.forge_settings import ForgeSettings
from policyd.forges.contract import Call
from policyd.limits import MIB
from policyd.timed_session import session_until, unreachable

API_SECONDS: Final = 20.0
ARCHIVE_SECONDS: Final = 120.0
"""Seconds for a whole request, and for an archive."""
CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 15.0
MAX_ANSWER: Final = 4 * MIB
MAX_DOWNLOAD: Final = 512 * MIB
MAX_UNPACKED: Final = 2_048 * MIB
"""Bytes of an answer, of an archive, and of the archive when it is unpacked."""
MAX_REDIRECTS: Final = 3
MAX_RETRY_AFTER: Final = 3_600.0
"""Seconds of `Retry-After` that are respected. Later attempts are not made anyway."""
_PIECE: Final = 64 * 1024
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_SAME_METHOD: Final = (307, 308)
"""Redirects that keep the method and the body."""
_GONE: Final = (404, 410)
_HEADERS: Final = {
    "github": {
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    },
    "gitlab": {"Accept": "application/json"},
    "gitea": {"Accept": "application/json"},
}
_SCHEMES: Final = {"github": "Bearer", "gitlab": "Bearer", "gitea": "token"}


class Gone(ForgeError):
    """What was requested does not exist, or the token does not permit to see it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, is_final=True)


class _Authorization(AuthBase):
    """An Authorization header, or none. It also keeps requests from reading .netrc."""

    def __init__(self, header: str = "") -> None:
        self.header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.header:
            request.headers["Authorization"] = self.header
        return request


class TokenSource(Protocol):
    """The tokens with which a forge is asked."""

    def token(self, installation: int) -> str:
        """Return the token for an installation of a GitHub App, 0 for none. Raises ForgeError."""

    def forget(self, installation: int) -> None:
        """Receive the news that the forge does not accept the token for `installation`."""


class Transport:
    """Requests to one forge, with the tokens of `tokens`."""

    def __init__(self, forge: ForgeSettings, tokens: TokenSource) -> None:
        self._forge = forge
        self._tokens = tokens
        self._base = forge.url.rstrip("/")
        self._calls = 0
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """The number of requests that were sent, without redirects."""
        return self._calls

    def send(self, call: Call, installation: int = 0) -> bytes:
        """Return the body of the answer to `call`; b"" if there is nothing left to do.

        Raises ForgeError, Gone.
        """
        return self._page(call, installation)[0]

    def pages(self, call: Call, limit: int) -> Iterator[bytes]:
        """Yield the bodies of the answer to `call` and of at most `limit` pages in all.

        The header Link names the next page (RFC 8288). Raises ForgeError, Gone.
        """
        for _ in range(limit):
            content, following = self._page(call, 0)
            yield content
            if not following.startswith(f"{self._base}/"):
                return
            call = msgspec.structs.replace(call, path=following.removeprefix(self._base))

    def _page(self, call: Call, installation: int) -> tuple[bytes, str]:
        """Return the body of the answer to `call`, and the URL of the next page, "" for none."""
        with (
            Deadline(remaining(API_SECONDS)) as deadline,
            session_until(deadline) as session,
            self._answer(session, deadline, call, self._header(installation)) as response,
        ):
            self._check(call, response, installation)
            if response.status_code in call.settled:
                return b"", ""
            content = bytearray()
            for piece in _pieces(response, self._host):
                content += piece
                if len(content) > MAX_ANSWER:
                    raise ForgeError(f"{self._host} sent more than {MAX_ANSWER // MIB} MiB")
            return bytes(content), str(response.links.get("next", {}).get("url", ""))

    def unpack(self, call: Call, file: BinaryIO, installation: int = 0) -> None:
        """Write the tar archive that `call` requests as tar.gz to `file`.

        Raises ForgeError, Gone. A commit that Gitea does not know is an error 500 there.
        """
        with (
            Deadline(remaining(ARCHIVE_SECONDS)) as deadline,
            session_until(deadline) as session,
            self._answer(session, deadline, call, self._header(installation)) as response,
        ):
            if self._forge.kind == "gitea" and response.status_code == 500:
                raise Gone(f"{self._host} has no archive of this commit: it may be gone")
            self._check(call, response, installation)
            self._gunzip(response, file)

    def _gunzip(self, response: requests.Response, file: BinaryIO) -> None:
        unpacker = zlib.decompressobj(wbits=GZIP_WINDOW)
        received = written = 0
        try:
            for piece in _pieces(response, self._host):
                received += len(piece)
                while piece:
                    unpacked = unpacker.decompress(piece, 16 * _PIECE)
                    written += file.write(unpacked)
                    piece = unpacker.unconsumed_tail
                    if received > MAX_DOWNLOAD or written > MAX_UNPACKED:
                        raise ForgeError(
                            f"the archive exceeds {MAX_DOWNLOAD // MIB} MiB, or "
                            f"{MAX_UNPACKED // MIB} MiB unpacked",
                            is_final=True,
                        )
        except zlib.error as error:
            raise ForgeError(f"{self._host} sent an archive that is not valid gzip") from error
        if not unpacker.eof:
            raise ForgeError(f"{self._host} sent an incomplete archive")

    @property
    def _host(self) -> str:
        return urlsplit(self._base).netloc

    def _header(self, installation: int) -> str:
        token = self._tokens.token(installation)
        return f"{_SCHEMES[self._forge.kind]} {token}" if token else ""

    def _answer(
        self, session: requests.Session, deadline: Deadline, call: Call, authorization: str
    ) -> requests.Response:
        """Return the answer to `call`, after redirects.

        A POST is only repeated for 307 and 308, at the same host: GitHub and Gitea redirect
        requests for a repository that was renamed (RFC 9110, 15.4.8 and 15.4.9).
        """
        with self._lock:
            self._calls += 1
        session.headers.update(_HEADERS[self._forge.kind] | {"User-Agent": "policyd"})
        session.headers["Accept-Encoding"] = "identity"
        url = self._base + call.path
        for _ in range(MAX_REDIRECTS + 1):
            is_base = urlsplit(url)[:2] == urlsplit(self._base)[:2]
            left = deadline.remaining()
            try:
                response = session.request(
                    call.method,
                    url,
                    json=call.content,
                    auth=_Authorization(authorization if is_base else ""),
                    stream=True,
                    allow_redirects=False,
                    timeout=(min(CONNECT_TIMEOUT, left) or 0.001, min(READ_TIMEOUT, left) or 0.001),
                )
            except requests.RequestException as error:
                raise ForgeError(unreachable(urlsplit(url).netloc, error)) from error
            if response.status_code not in _REDIRECTS:
                return response
            with response:
                target = self._target(url, response.headers.get("Location", ""))
                if call.method != "GET":
                    self._check_repeatable(call, response.status_code, target)
                url = target
        raise ForgeError(f"{self._host} redirects too often", is_final=True)

    def _target(self, origin: str, location: str) -> str:
        """Return the target of a redirect. Raises ForgeError for hosts that are not configured."""
        try:
            url = urljoin(origin, location)
            target = urlsplit(url)
        except ValueError as error:
            raise ForgeError(f"{self._host} redirects to an invalid URL", is_final=True) from error
        base = urlsplit(self._base)
        if target[:2] == base[:2]:
            return url
        if target.netloc.lower() not in self._forge.redirect_hosts:
            raise ForgeError(
                f"{self._host} redirects to {target.hostname}; only the configured host and its "
                "redirect_hosts are allowed",
                is_final=True,
            )
        if target.scheme != "https" and not self._forge.insecure:
            raise ForgeError(
                f"{self._host} redirects to {target.hostname} without https", is_final=True
            )
        return url

    def _check_repeatable(self, call: Call, code: int, target: str) -> None:
        """Raise ForgeError unless a request that writes may be repeated at `target`."""
        if code not in _SAME_METHOD or urlsplit(target)[:2] != urlsplit(self._base)[:2]:
            raise ForgeError(
                f"{self._host} redirects {call.method} {_path(call)} with {code} to "
                f"{urlsplit(target).hostname}; a request that writes is only repeated at the same "
                "host, for 307 and 308. The repository may have been renamed or moved",
                is_final=True,
            )

    def _check(self, call: Call, response: requests.Response, installation: int) -> None:
        """Raise the error that the status of `response` stands for."""
        code = response.status_code
        if code in call.done or code in call.settled:
            return
        what = f"{self._host} answered {code} to {call.method} {_path(call)}"
        if code in _GONE:
            raise Gone(f"{what}: it does not exist, or the token does not permit to see it")
        pause = _pause(response)
        if code == 429 or (code == 403 and pause):
            raise ForgeError(f"{what}: its rate limit is exceeded", retry_after=pause)
        if code == 401:
            self._tokens.forget(installation)
            raise ForgeError(f"{what}: it does not accept the token")
        if code == 403:
            what = f"{what}: the token does not permit it, or the repository is archived"
        raise ForgeError(what, retry_after=pause, is_final=code < 500)


def _path(call: Call) -> str:
    return call.path.partition("?")[0]


def _pieces(response: requests.Response, host: str) -> Iterator[bytes]:
    """Yield the body as it was sent. Raises ForgeError if it is cut off or takes too long."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ForgeError(f"{host} sent an encoded answer, which was not requested")
    try:
        yield from response.iter_content(_PIECE)
    except requests.RequestException as error:
        raise ForgeError(f"{host} closed the connection, or did not answer in time") from error


def _pause(response: requests.Response) -> float:
    """Return the seconds after which the forge wants to be asked again; 0 if it does not say."""
    after = response.headers.get("Retry-After", "")
    if re.fullmatch("[0-9]{1,6}", after):
        return min(float(after), MAX_RETRY_AFTER)
    reset = response.headers.get("X-RateLimit-Reset", "")
    is_used_up = response.headers.get("X-RateLimit-Remaining", "") == "0"
    if is_used_up and re.fullmatch("[0-9]{1,12}", reset):
        return min(max(float(reset) - time.time(), 1.0), MAX_RETRY_AFTER)
    return 0.0
