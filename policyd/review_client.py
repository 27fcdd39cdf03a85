"""Ask a webhook for the review of a project, over HTTP.

In: the address of a webhook, a token, a ComposeReview. Out: the decision. A request that was
refused because of overload, or did not arrive, is repeated until the time limit. Redirects are not
followed: the token and the project are for one server. Errors: WebhookError, ConfigError.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec
import requests
from requests.auth import AuthBase
from urllib3.exceptions import ProtocolError

from policyd import wire
from policyd.deadline import Deadline
from policyd.errors import ConfigError, WebhookError, WebhookUnavailable
from policyd.timed_session import session_until, unreachable

OVERLOADED: Final = 429
REPEATED: Final = (OVERLOADED, 503, 504)
"""Statuses of answers after which a request is repeated."""
PAUSES: Final = (1.0, 2.0, 5.0, 10.0)
"""Seconds before a repetition where the answer has no Retry-After. The last one is repeated."""
MAX_PAUSE: Final = 30.0
MAX_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of an answer. A decision with 10,000 violations has a tenth of that."""
_CHUNK: Final = 64 * 1024


class ReviewClient:
    """Asks the webhook at `url`, for at most `seconds` in all."""

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        seconds: float = 60.0,
        ca_file: str = "",
        insecure: bool = False,
        waits: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        """`ca_file` are certificates that are trusted instead of the system's.

        `waits` is called with the reason when a request is repeated for the first time.

        Raises ConfigError for a URL, a token or certificates that are not valid, and for http:// to
        another machine unless `insecure`.
        """
        parts = _parts(url)
        host = str(parts.hostname)
        if ca_file:
            _check_certificates(ca_file)
        if not (token.isprintable() and token.isascii()):
            raise ConfigError(
                "the token has a line break or another character that no token has; see how its "
                "variable or secret is set"
            )
        if parts.scheme == "http" and not insecure and not _is_loopback(host):
            raise ConfigError(
                f"{host}: http:// would send the token and the project unencrypted; use "
                "https://, or --insecure"
            )
        self._host = parts.netloc
        self._url = f"{url.rstrip('/')}/v1/review"
        self._closed = "closed the connection"
        if parts.scheme == "http":
            self._closed += "; see whether it needs https://"
        self._authorization = _Bearer(token)
        self._seconds = seconds
        self._ca_file = ca_file
        self._waits = waits

    def ask(self, document: bytes) -> wire.ComposeReview:
        """Return the answer to `document`, a ComposeReview as JSON.

        Raises WebhookUnavailable if the webhook did not answer, or with a status of 429 or from
        500 on, and WebhookError for other answers.
        """
        with Deadline(self._seconds) as deadline:
            for number in range(1_000):
                answer = self._sent(document, deadline)
                if isinstance(answer, wire.ComposeReview):
                    return answer
                pause = answer.pause or PAUSES[min(number, len(PAUSES) - 1)]
                if not answer.may_repeat or deadline.remaining() < pause:
                    raise answer.error
                if not number:
                    self._waits(str(answer))
                time.sleep(pause)
            raise AssertionError

    def _sent(self, document: bytes, deadline: Deadline) -> wire.ComposeReview | _Failure:
        """Return the answer with the decision, or why there is none."""
        try:
            with (
                session_until(deadline) as session,
                session.post(
                    self._url,
                    data=document,
                    headers={"Content-Type": "application/json", "Accept": "application/json"},
                    auth=self._authorization,
                    timeout=max(deadline.remaining(), 0.001),
                    verify=self._ca_file or True,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                return self._answer(response, _content(response))
        except requests.exceptions.SSLError as error:
            return _Failure(unreachable(self._host, error), may_repeat=False)
        except (requests.RequestException, OSError) as error:
            if not deadline.remaining():
                return _Failure(
                    f"{self._host} did not answer within {self._seconds:g} seconds",
                    is_unavailable=True,
                )
            kind = "cannot be reached" if _is_unreachable(error) else self._closed
            return _Failure(f"{self._host} {kind}", may_repeat=True, is_unavailable=True)

    def _answer(self, response: requests.Response, content: bytes) -> wire.ComposeReview | _Failure:
        if response.status_code == 200:
            try:
                return msgspec.json.decode(content, type=wire.ComposeReview)
            except (ValueError, RecursionError) as error:
                return _Failure(f"{self._host} did not answer with a decision: {error}")
        try:
            reason = f": {msgspec.json.decode(content, type=wire.Status).message}"
        except (ValueError, RecursionError):
            reason = ""
        return _Failure(
            f"{self._host} answered with status {response.status_code}{reason}",
            may_repeat=response.status_code in REPEATED,
            is_unavailable=response.status_code == OVERLOADED or response.status_code >= 500,
            pause=_pause(response.headers.get("Retry-After", "")),
        )


class _Failure(Exception):
    """Why a request has no decision; `pause` are the seconds before it may be repeated."""

    def __init__(
        self,
        message: str,
        *,
        may_repeat: bool = False,
        pause: float = 0.0,
        is_unavailable: bool = False,
    ) -> None:
        super().__init__(message)
        self.may_repeat = may_repeat
        self.pause = pause
        self.error = (WebhookUnavailable if is_unavailable else WebhookError)(message)


class _Bearer(AuthBase):
    """The Authorization header. It also keeps requests from reading .netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _parts(url: str) -> SplitResult:
    """Return the parts of the URL of a webhook. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc:
            parts.port  # noqa: B018 (it raises ValueError)
            return parts
    except ValueError:
        pass
    found = "" if "@" in url else f", not {url!r}"  # what precedes an @ may be a password
    raise ConfigError(f"the URL of the webhook must be https://HOST[:PORT]{found}")


def _check_certificates(path: str) -> None:
    """Raise ConfigError if `path` is not a file with certificates of authorities."""
    try:
        ssl.create_default_context(cafile=path)
    except ssl.SSLError as error:
        raise ConfigError(f"{path}: there is no certificate in PEM in this file") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def _content(response: requests.Response) -> bytes:
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) > MAX_ANSWER:
            raise _Failure(f"{response.url}: the answer has more than {MAX_ANSWER:,} bytes")
    return bytes(content)


def _pause(retry_after: str) -> float:
    """Return the seconds in a header Retry-After, 0 for none and for a date (RFC 9110, 10.2.3)."""
    return (
        min(float(retry_after), MAX_PAUSE)
        if retry_after.isascii() and retry_after.isdigit()
        else 0.0
    )


def _is_unreachable(error: Exception) -> bool:
    was_reached = bool(error.args) and isinstance(error.args[0], ProtocolError)
    return isinstance(error, requests.ConnectionError) and not was_reached


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
