"""Exchange content with one repository of a registry, within limits.

In: how the registry is reached, the name of a repository, a deadline. Out: the content at a path of
the repository. Only the configured base URL is requested, token servers and redirects only at
configured hosts, redirects without credentials; answers are read up to a limit. Errors:
RegistryError, which names hosts and status codes, never credentials or content.

This uses requests rather than oras, which would only add the token exchange, has no limits on what
it reads, and follows redirects. Source: OCI distribution specification 1.1; distribution, "Token
Authentication".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Final, NamedTuple, Self
from urllib.parse import SplitResult, parse_qs, urljoin, urlsplit

import msgspec
import requests
from requests.auth import AuthBase

from policyd.config import RegistryAccess
from policyd.deadline import Deadline
from policyd.errors import RegistryError
from policyd.timed_session import session_until, unreachable

CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 10.0
"""Seconds to connect, and between two parts of an answer; less if the deadline is nearer."""
MAX_REDIRECTS: Final = 3
MAX_TOKEN_ANSWER: Final = 64 * 1024
"""Bytes of the answer of a token server."""
_PIECE: Final = 64 * 1024
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class Remote(NamedTuple):
    """How a registry is reached. `password` is that of its configured user.

    `redirect_hosts` may be redirected to; they receive no credentials.
    """

    access: RegistryAccess
    password: str = ""
    redirect_hosts: Sequence[str] = ()


class UnexpectedStatus(RegistryError):
    """A registry answered with an HTTP status that is not a success."""

    def __init__(self, message: str, http_status: int) -> None:
        super().__init__(message)
        self.http_status = http_status


class _Authorization(AuthBase):
    """An Authorization header, or none. It also keeps requests from reading .netrc."""

    def __init__(self, header: str = "") -> None:
        self.header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.header:
            request.headers["Authorization"] = self.header
        return request


class RepositoryReader:
    """The requests to one repository: they share a connection, a deadline and an authorization.

    It is a context, which closes the connection.
    """

    def __init__(
        self, remote: Remote, repository: str, deadline: Deadline, accept: Sequence[str]
    ) -> None:
        """`accept` are the media types of manifests that may be answered."""
        self._remote = remote
        self._repository = repository
        self._actions = "pull"
        self._authorization = _Authorization()
        self._deadline = deadline
        self._base = remote.access.url.rstrip("/")
        self._session = session_until(deadline)
        self._session.headers["Accept"] = ", ".join(accept)
        self._session.headers["Accept-Encoding"] = "identity"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(self, path: str, limit: int) -> bytes:
        """Return the content at `path` of the repository, at most `limit` bytes."""
        with self._answer("GET", path) as response:
            return self._body(response, limit, path)

    def digest(self, path: str) -> str:
        """Return the digest that the registry states for the content at `path`, "" if none."""
        with self._answer("HEAD", path) as response:
            return str(response.headers.get("Docker-Content-Digest", ""))

    def _answer(self, method: str, path: str) -> requests.Response:
        """Return the successful answer at `path`, after a login and redirects if need be."""
        url = f"{self._base}/v2/{self._repository}/{path}"
        for _ in range(MAX_REDIRECTS + 1):
            auth = self._authorization if self._is_base(urlsplit(url)) else _Authorization()
            response = self._request(method, url, auth)
            status = response.status_code
            if status == HTTPStatus.OK:
                return response
            with response:
                if status == 401 and not self._authorization.header:
                    challenge = response.headers.get("WWW-Authenticate", "")
                    self._authorization.header = self._answer_to(challenge)
                elif status in _REDIRECTS:
                    url = self._target(url, response.headers.get("Location", ""))
                else:
                    raise UnexpectedStatus(
                        f"{self._base} answered {status} for {self._repository} {path}", status
                    )
        raise RegistryError(f"{self._base} redirects too often for {self._repository} {path}")

    def _request(
        self,
        method: str,
        url: str,
        auth: AuthBase,
        params: dict[str, str] | None = None,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        host = urlsplit(url).netloc
        remaining = self._remaining(host)
        try:
            response = self._session.request(
                method,
                url,
                params=params,
                data=data,
                headers=headers,
                auth=auth,
                stream=True,
                allow_redirects=False,
                timeout=(min(CONNECT_TIMEOUT, remaining), min(READ_TIMEOUT, remaining)),
            )
        except requests.Timeout as error:
            raise RegistryError(f"{host} did not answer in time") from error
        except (requests.RequestException, ValueError) as error:
            self._remaining(host)
            raise RegistryError(unreachable(host, error)) from error
        try:
            # A connection that was ended in the headers looks like the end of the headers.
            self._remaining(host)
        except RegistryError:
            response.close()
            raise
        return response

    def _remaining(self, host: str) -> float:
        """Return the seconds until the deadline. Raises RegistryError when it has passed."""
        remaining = self._deadline.remaining()
        if not remaining:
            raise RegistryError(f"{host} took more than {self._deadline.seconds:g} s")
        return remaining

    def _body(self, response: requests.Response, limit: int, what: str) -> bytes:
        host = urlsplit(response.url).netloc
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise RegistryError(f"{host} sent {what} compressed, which was not requested")
        content = bytearray()
        try:
            for piece in response.iter_content(_PIECE):
                content += piece
                if len(content) > limit:
                    raise RegistryError(f"{host} sent more than {limit:,} bytes for {what}")
        except requests.RequestException as error:
            self._remaining(host)
            raise RegistryError(f"{host} closed the connection while sending {what}") from error
        self._remaining(host)
        return bytes(content)

    def _is_base(self, target: SplitResult) -> bool:
        base = urlsplit(self._base)
        return (target.scheme, target.netloc) == (base.scheme, base.netloc)

    def _target(self, origin: str, location: str) -> str:
        """Return the target of a redirect from `origin`, if it may be requested."""
        base = urlsplit(self._base)
        try:
            url = urljoin(origin, location)
            target = urlsplit(url)
        except ValueError as error:
            raise RegistryError(f"{base.netloc} redirects to an invalid URL") from error
        if self._is_base(target):
            return url
        if not is_listed(target.netloc, self._remote.redirect_hosts):
            allowed = "only the configured host and its redirect_hosts are allowed"
            if not self._remote.redirect_hosts:
                allowed = "only the configured host is allowed"
            raise RegistryError(f"{base.netloc} redirects to {target.netloc}; {allowed}")
        if target.scheme not in self._schemes:
            raise RegistryError(f"{base.netloc} redirects to {target.netloc} without https")
        return url

    @property
    def _schemes(self) -> tuple[str, ...]:
        return ("https", "http") if self._remote.access.insecure else ("https",)

    def _answer_to(self, challenge: str) -> str:
        """Return the Authorization header that answers `challenge`."""
        scheme, _, parameters = challenge.partition(" ")
        if scheme.lower() == "basic" and self._remote.access.username:
            return self._basic()
        if scheme.lower() == "bearer":
            named = dict(re.findall(r'([a-z]+)="([^"]*)"', parameters))
            return f"Bearer {self._token(named.get('realm', ''), named.get('service', ''))}"
        raise RegistryError(
            f"{self._remote.access.url} requires a login for {self._repository}: "
            "set username and password_file"
        )

    def _token(self, realm: str, service: str) -> str:
        access = self._remote.access
        base = urlsplit(access.url)
        try:
            target = urlsplit(realm)
        except ValueError as error:
            raise RegistryError(f"{base.netloc} names an invalid URL of a token server") from error
        if target.netloc not in (base.netloc, *access.auth_hosts):
            raise RegistryError(
                f"{base.netloc} names {target.netloc or 'no host'} as its token server: "
                "add that host to auth_hosts if it may receive the password"
            )
        if target.scheme not in self._schemes:
            raise RegistryError(f"the token server {realm} does not use https")
        params = {"service": service, "scope": f"repository:{self._repository}:{self._actions}"}
        # The realm of some registries has a query of its own, such as scope.
        given = parse_qs(target.query)
        params = {name: value for name, value in params.items() if value and name not in given}
        auth = _Authorization(self._basic() if access.username else "")
        with self._request("GET", realm, auth, params) as response:
            if response.status_code != 200:
                status = response.status_code
                raise UnexpectedStatus(f"{target.netloc} answered {status} for a token", status)
            content = self._body(response, MAX_TOKEN_ANSWER, "a token")
        try:
            answer = msgspec.json.decode(content, type=dict[str, object])
        except (ValueError, RecursionError) as error:
            raise RegistryError(f"{target.netloc} sent a token that is not JSON") from error
        token = answer.get("token") or answer.get("access_token")
        if not isinstance(token, str) or not re.fullmatch(r"[\x21-\x7e]+", token):
            raise RegistryError(f"{target.netloc} sent no token")
        return token

    def _basic(self) -> str:
        pair = f"{self._remote.access.username}:{self._remote.password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"


def is_listed(host: str, patterns: Sequence[str]) -> bool:
    """Return whether `host`, with its port if it has one, is one of `patterns`.

    `*.example` stands for every host below `example`, on the default port.
    """
    host = host.lower()
    return any(
        host == pattern.lower()
        or (
            pattern.startswith("*.")
            and host.endswith(pattern[1:].lower())
            and re.fullmatch(r"[a-z0-9.-]+", host) is not None
        )
        for pattern in patterns
    )
