"""Send documents to an HTTP endpoint that other people run, within limits of time and size.

In: the URL of the endpoint, a file with a bearer token, documents. Out: its answers. Redirects are
not followed: the token and the documents are for one server. Messages have no credentials and no
query of the URL. Errors: ConfigError for a URL or a token file that is not valid, DeliveryError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from policyd.deadline import Deadline
from policyd.errors import ConfigError, DeliveryError
from policyd.loopback import is_loopback
from policyd.masking import without_credentials
from policyd.secret_files import token_in
from policyd.timed_session import session_until, unreachable

REPEATABLE: Final = (408, 425, 429)
"""Statuses below 500 after which the same request may succeed later."""
MAX_PAUSE: Final = 300.0
"""Seconds of the longest pause that an endpoint may ask for."""
MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read."""
_CHUNK: Final = 8 * 1024


class Answer(NamedTuple):
    """The answer of an endpoint. `pause` are the seconds in its Retry-After, 0 without one."""

    status: int
    content: bytes
    content_type: str = ""
    pause: float = 0.0

    @property
    def is_success(self) -> bool:
        """Whether the endpoint accepted the document."""
        return 200 <= self.status < 300

    @property
    def may_repeat(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in REPEATABLE or self.status >= 500


class Endpoint:
    """The endpoint at `url`."""

    def __init__(
        self,
        url: str,
        where: str,
        *,
        token_file: str = "",
        ca_file: str = "",
        insecure: bool = False,
    ) -> None:
        """`where` is the setting or option that names the endpoint, for messages.

        The token is read anew for each request, so it can be rotated. `ca_file` are certificates
        that are trusted instead of the system's. Raises ConfigError for a URL that is not valid,
        for http:// to another machine unless `insecure`, and for a token file that is not valid.
        """
        self.name = without_credentials(url)
        try:
            parts = urlsplit(url)
            is_url = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_url = False
        if not is_url or parts.fragment:
            raise ConfigError(f"{where}: expected https://HOST[:PORT]/PATH, found {self.name!r}")
        if parts.username is not None:
            raise ConfigError(f"{where}: {self.name}: name a file with a token instead of a user")
        if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname or ""):
            raise ConfigError(f"{where}: {self.name} is not encrypted; use https://")
        self._url = url
        self._where = where
        self._token_file = token_file
        self._ca_file = ca_file
        self._bearer()

    def send(
        self,
        method: str,
        body: bytes,
        headers: Mapping[str, str],
        seconds: float,
        path: str = "",
        max_answer: int = MAX_ANSWER,
    ) -> Answer:
        """Return the answer to `body`, sent to `path` below the URL, within `seconds`.

        At most `max_answer` bytes of the answer are read.
        Raises DeliveryError if there is none: then the request may be repeated.
        """
        try:
            with Deadline(seconds) as deadline, session_until(deadline) as session:
                response = session.request(
                    method,
                    self._url + path,
                    data=body,
                    headers=dict(headers),
                    auth=self._bearer(),
                    timeout=seconds,
                    verify=self._ca_file or True,
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    content = _content(response, max_answer)
                if not deadline.remaining():
                    raise DeliveryError(f"{self.name} did not answer within {seconds:g} seconds")
        except ConfigError as error:  # the token file, which may be replaced at the moment
            raise DeliveryError(str(error)) from error
        except requests.exceptions.SSLError as error:
            raise DeliveryError(unreachable(self.name, error)) from error
        except (requests.RequestException, OSError) as error:
            raise DeliveryError(f"{self.name} cannot be reached, or did not answer") from error
        kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        pause = _pause(response.headers.get("Retry-After", ""))
        return Answer(response.status_code, content, kind, pause)

    def _bearer(self) -> _Bearer:
        return _Bearer(token_in(self._token_file, self._where) if self._token_file else "")


class _Bearer(AuthBase):
    """The Authorization header. It also keeps requests from reading .netrc."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


def _content(response: requests.Response, most: int) -> bytes:
    """Return the first `most` bytes of the body."""
    content = bytearray()
    for chunk in response.iter_content(_CHUNK):
        content += chunk
        if len(content) >= most:
            break
    return bytes(content[:most])


def _pause(retry_after: str) -> float:
    """Return the seconds in a header Retry-After, 0 for none and for a date (RFC 9110, 10.2.3)."""
    is_number = retry_after.isascii() and retry_after.isdigit() and len(retry_after) < 10
    return min(float(retry_after), MAX_PAUSE) if is_number else 0.0
