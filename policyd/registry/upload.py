"""Upload blobs and manifests to one repository of a registry.

In: how the registry is reached, content. Out: the headers of answers. Uploads follow no redirect to
another host: content and credentials are for the configured registry. Errors: RegistryError.
Source: OCI distribution specification 1.1, "Push".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin, urlsplit

from policyd.deadline import Deadline
from policyd.errors import RegistryError
from policyd.registry.artifact import sha256
from policyd.registry.transport import Remote, RepositoryReader, UnexpectedStatus

_TWICE: Final = range(2)
"""A request, and the same with a login."""


class RepositoryWriter(RepositoryReader):
    """The requests to one repository that is written. The user needs the permission to push."""

    def __init__(
        self, remote: Remote, repository: str, deadline: Deadline, accept: Sequence[str]
    ) -> None:
        """See RepositoryReader."""
        super().__init__(remote, repository, deadline, accept)
        self._actions = "pull,push,delete"

    def put_blob(self, content: bytes) -> None:
        """Upload `content`, if the repository does not have it."""
        digest = sha256(content)
        try:
            self.digest(f"blobs/{digest}")
        except UnexpectedStatus as error:
            if error.http_status != HTTPStatus.NOT_FOUND:
                raise
        else:
            return
        started = self._sent("POST", "blobs/uploads/", HTTPStatus.ACCEPTED)
        url = urljoin(f"{self._base}/v2/", started.get("Location") or "")
        if not self._is_base(urlsplit(url)):
            raise RegistryError(f"{self._base} names another host for an upload")
        separator = "&" if urlsplit(url).query else "?"
        kind = {"Content-Type": "application/octet-stream"}
        self._sent("PUT", f"{url}{separator}digest={digest}", HTTPStatus.CREATED, content, kind)

    def put_manifest(
        self, reference: str, content: bytes, media_type: str, if_match: str = ""
    ) -> Mapping[str, str]:
        """Upload the manifest `content` as `reference`, a tag or its digest; return the headers.

        With `if_match`, the registry may refuse to replace another content than that.
        """
        headers = {"Content-Type": media_type}
        if if_match:
            headers["If-Match"] = if_match
        return self._sent("PUT", f"manifests/{reference}", HTTPStatus.CREATED, content, headers)

    def send(
        self, method: str, path: str, expected: HTTPStatus, content: Mapping[str, int] | None = None
    ) -> None:
        """Send a request with `content` as JSON. A `path` with a scheme is a whole URL.

        The registry logs the user in with the first request: its own API sends no challenge.
        """
        if "://" in path and self._remote.access.username:
            self._authorization.header = self._basic()
        data = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"} if data else None
        self._sent(method, path, expected, data, headers)

    def _sent(
        self,
        method: str,
        path: str,
        expected: HTTPStatus,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Mapping[str, str]:
        """Return the headers of the answer, which has the status `expected`."""
        url = path if "://" in path else f"{self._base}/v2/{self._repository}/{path}"
        for _ in _TWICE:
            with self._request(
                method, url, self._authorization, data=data, headers=headers
            ) as response:
                if response.status_code == expected:
                    return response.headers
                if response.status_code != HTTPStatus.UNAUTHORIZED or self._authorization.header:
                    break
                challenge = response.headers.get("WWW-Authenticate", "")
            self._authorization.header = self._answer_to(challenge)
        status = response.status_code
        raise UnexpectedStatus(
            f"{self._base} answered {status} to {method} for {self._repository}", status
        )
