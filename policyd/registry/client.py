"""Fetch a Compose artifact from a registry, by digest.

In: a configured registry, the name of a repository, a digest. Out: the files of the project, or
None for a manifest that is not a Compose project. Only the configured base URL is requested,
redirects to other hosts are refused, and answers are read up to a limit. Errors: RegistryError when
the registry fails, ComposeError for an invalid artifact.

This uses requests rather than oras, which would only add the token exchange, has no limits on what
it reads, and follows redirects. Source: OCI distribution specification 1.1; distribution, "Token
Authentication".
"""

from __future__ import annotations

import base64
import re
import time
from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec
import requests
from requests.auth import AuthBase

from policyd.config import Registry
from policyd.errors import RegistryError
from policyd.registry.artifact import (
    MANIFEST_TYPES,
    MAX_MANIFEST,
    check_blob,
    files_of,
    is_digest,
    is_repository,
    manifest_of,
)

CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 10.0
TOTAL_TIMEOUT: Final = 60.0
"""Seconds to connect, between two parts of an answer, and for a whole artifact."""
MAX_REDIRECTS: Final = 3
MAX_TOKEN_ANSWER: Final = 64 * 1024
"""Bytes of the answer of a token server."""
_PIECE: Final = 64 * 1024
_REDIRECTS: Final = (301, 302, 303, 307, 308)


class RegistryClient:
    """Reads one registry. `password` is the password of its configured user."""

    def __init__(self, registry: Registry, password: str = "") -> None:
        self._registry = registry
        self._password = password

    def project_files(self, repository: str, digest: str) -> dict[str, bytes] | None:
        """Return the files of the project whose manifest has `digest`, None for other artifacts.

        Raises RegistryError and ComposeError.
        """
        if not is_repository(repository) or not is_digest(digest):
            raise RegistryError(f"{repository}@{digest} is not a valid reference to a manifest")
        with requests.Session() as session:
            fetch = _Fetch(self._registry, self._password, session, repository)
            content = fetch.get(f"manifests/{digest}", MAX_MANIFEST)
            manifest = manifest_of(content, digest)
            if not manifest.is_compose:
                return None
            blobs: dict[str, bytes] = {}
            for layer in manifest.layers or ():
                if layer.digest not in blobs:
                    blobs[layer.digest] = fetch.get(f"blobs/{layer.digest}", layer.size)
                check_blob(blobs[layer.digest], layer)
        return files_of(manifest, blobs)


class _Authorization(AuthBase):
    """An Authorization header, or none. It also keeps requests from reading .netrc."""

    def __init__(self, header: str = "") -> None:
        self.header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.header:
            request.headers["Authorization"] = self.header
        return request


class _Fetch:
    """The requests for one artifact: they share a connection, a deadline and an authorization."""

    def __init__(
        self, registry: Registry, password: str, session: requests.Session, repository: str
    ) -> None:
        self._registry = registry
        self._password = password
        self._session = session
        self._repository = repository
        self._authorization = _Authorization()
        self._deadline = time.monotonic() + TOTAL_TIMEOUT
        session.headers["Accept"] = ", ".join(MANIFEST_TYPES)
        session.headers["Accept-Encoding"] = "identity"

    def get(self, path: str, limit: int) -> bytes:
        """Return the content at `path` of the repository, at most `limit` bytes."""
        base = self._registry.url.rstrip("/")
        url = f"{base}/v2/{self._repository}/{path}"
        for _ in range(MAX_REDIRECTS + 1):
            with self._request(url, self._authorization) as response:
                if response.status_code == 401 and not self._authorization.header:
                    challenge = response.headers.get("WWW-Authenticate", "")
                    self._authorization.header = self._answer_to(challenge)
                elif response.status_code in _REDIRECTS:
                    url = self._same_host(urljoin(url, response.headers.get("Location", "")))
                elif response.status_code == 200:
                    return self._body(response, limit, path)
                else:
                    raise RegistryError(
                        f"{base} answered {response.status_code} for {self._repository} {path}"
                    )
        raise RegistryError(f"{base} redirects too often for {self._repository} {path}")

    def _request(
        self, url: str, auth: AuthBase, params: dict[str, str] | None = None
    ) -> requests.Response:
        host = urlsplit(url).netloc
        try:
            return self._session.get(
                url,
                params=params,
                auth=auth,
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            )
        except requests.Timeout as error:
            raise RegistryError(f"{host} did not answer in time") from error
        except requests.exceptions.SSLError as error:
            raise RegistryError(f"the certificate of {host} is not trusted") from error
        except requests.RequestException as error:
            raise RegistryError(f"{host} cannot be reached") from error

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
                if time.monotonic() > self._deadline:
                    raise RegistryError(f"{host} took more than {TOTAL_TIMEOUT:.0f} s")
        except requests.RequestException as error:
            raise RegistryError(f"{host} closed the connection while sending {what}") from error
        return bytes(content)

    def _same_host(self, url: str) -> str:
        base = urlsplit(self._registry.url)
        target = urlsplit(url)
        if (target.scheme, target.netloc) != (base.scheme, base.netloc):
            raise RegistryError(
                f"{base.netloc} redirects to {target.netloc}; only the configured host is allowed"
            )
        return url

    def _answer_to(self, challenge: str) -> str:
        """Return the Authorization header that answers `challenge`."""
        scheme, _, parameters = challenge.partition(" ")
        if scheme.lower() == "basic" and self._registry.username:
            return self._basic()
        if scheme.lower() == "bearer":
            named = dict(re.findall(r'([a-z]+)="([^"]*)"', parameters))
            return f"Bearer {self._token(named.get('realm', ''), named.get('service', ''))}"
        raise RegistryError(
            f"{self._registry.url} requires a login for {self._repository}: "
            "set username and password_file"
        )

    def _token(self, realm: str, service: str) -> str:
        base, target = urlsplit(self._registry.url), urlsplit(realm)
        schemes = ("https", "http") if self._registry.insecure else ("https",)
        if target.netloc not in (base.netloc, *self._registry.auth_hosts):
            raise RegistryError(
                f"{base.netloc} names {target.netloc or 'no host'} as its token server: "
                "add that host to auth_hosts if it may receive the password"
            )
        if target.scheme not in schemes:
            raise RegistryError(f"the token server {realm} does not use https")
        params = {"service": service, "scope": f"repository:{self._repository}:pull"}
        auth = _Authorization(self._basic() if self._registry.username else "")
        with self._request(realm, auth, params) as response:
            if response.status_code != 200:
                raise RegistryError(f"{target.netloc} answered {response.status_code} for a token")
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
        pair = f"{self._registry.username}:{self._password}"
        return f"Basic {base64.b64encode(pair.encode()).decode()}"
