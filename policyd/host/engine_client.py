"""Read from the Docker daemon through its own socket.

In: the path of the socket. Out: what the daemon says of containers, images and volumes. The daemon
asks its authorization plugin about these requests too: it must answer them without waiting for
anything. Errors: EngineUnavailable. Source: Docker Engine API 1.24 and later.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from policyd import deadline
from policyd.errors import PolicydError
from policyd.host.folded_json import Fields

SECONDS: Final = 5.0
"""How long the daemon may take to answer."""
MAX_ANSWER: Final = 16 << 20
"""Bytes of an answer."""
RUNNING: Final = ("running", "paused", "restarting")


class EngineUnavailable(PolicydError):
    """The Docker daemon did not answer as expected."""

    status_code = 503
    reason = "ServiceUnavailable"


class EngineClient:
    """The API of one daemon. May be used by many threads at once."""

    def __init__(self, path: str) -> None:
        """`path` is that of the daemon's socket."""
        self._path = path

    def container(self, name: str) -> Fields | None:
        """Return the container `name`, None if there is none. Raises EngineUnavailable."""
        return self._described(f"/containers/{quote(name, safe='')}/json")

    def image(self, name: str) -> Fields | None:
        """Return the image `name`, None if the engine does not have it."""
        return self._described(f"/images/{quote(name, safe='/:@')}/json")

    def volume(self, name: str) -> Fields | None:
        """Return the volume `name`, None if there is none."""
        return self._described(f"/volumes/{quote(name, safe='')}")

    def default_runtime(self) -> str:
        """Return the runtime of containers that name none."""
        found = self._described("/info")
        return found.text("DefaultRuntime") if found else ""

    def running(self, labels: Mapping[str, str]) -> list[str]:
        """Return the ids of containers with `labels` that run, are paused or are restarted."""
        filters = {"status": RUNNING, "label": [f"{key}={value}" for key, value in labels.items()]}
        found = self._get(f"/containers/json?filters={quote(json.dumps(filters))}")
        try:
            return [str(each["Id"]) for each in found or ()]
        except (KeyError, TypeError) as error:
            raise EngineUnavailable("the Docker daemon lists containers without ids") from error

    def _described(self, path: str) -> Fields | None:
        found = self._get(path)
        if found is None:
            return None
        if not isinstance(found, dict):
            raise EngineUnavailable("the Docker daemon did not answer with an object")
        return Fields(found)

    def _get(self, path: str) -> Any:
        connection = _Connection(self._path, max(deadline.remaining(SECONDS), 0.001))
        try:
            connection.request("GET", path, headers={"Host": "docker"})
            response = connection.getresponse()
            content = response.read(MAX_ANSWER + 1)
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "strerror", None) or "no answer in time"
            raise EngineUnavailable(
                f"the Docker daemon cannot be asked at {self._path}: {reason}"
            ) from error
        finally:
            connection.close()
        if response.status == http.client.NOT_FOUND:
            return None
        if response.status != http.client.OK or len(content) > MAX_ANSWER:
            raise EngineUnavailable(f"the Docker daemon answered with status {response.status}")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise EngineUnavailable("the Docker daemon did not answer with JSON") from error


class _Connection(http.client.HTTPConnection):
    """A connection to a unix socket."""

    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("docker", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
