"""Read from the Docker daemon through its own socket.

In: the path of the socket. Out: what the daemon says of containers, images and volumes. The daemon
asks its authorization plugin about these requests too: it must answer them without waiting for
anything. Errors: EngineUnavailable. Source: Docker Engine API 1.24 and later.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

from policyd import deadline
from policyd.errors import PolicydError
from policyd.host.engine_info import EngineInfo, read_info
from policyd.host.folded_json import Fields

SECONDS: Final = 5.0
"""How long the daemon may take to answer."""
MAX_ANSWER: Final = 16 << 20
"""Bytes of an answer."""
_PIECE: Final = 64 << 10
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

    def info(self) -> EngineInfo:
        """Return what the daemon says of itself. Raises EngineUnavailable."""
        return read_info(self._described("/info"))

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
        try:
            status, content = self._answer(path)
        except OSError as error:
            reason = error.strerror or "no answer in time"
            raise EngineUnavailable(
                f"the Docker daemon cannot be asked at {self._path}: {reason}"
            ) from error
        if status == HTTPStatus.NOT_FOUND:
            return None
        if status != HTTPStatus.OK:
            raise EngineUnavailable(f"the Docker daemon answered with status {status}")
        try:
            return json.loads(content)
        except (ValueError, RecursionError) as error:
            raise EngineUnavailable("the Docker daemon did not answer with JSON") from error

    def _answer(self, path: str) -> tuple[int, bytes]:
        """Return status and body of the answer to GET `path`. Raises OSError, EngineUnavailable.

        In HTTP/1.0 the body ends with the connection, so it has no chunks (RFC 9112, section 6.3).
        """
        end = time.monotonic() + deadline.remaining(SECONDS)
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_until(end))
            connection.connect(self._path)
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
            received = bytearray()
            while piece := connection.recv(_PIECE):
                received += piece
                if len(received) > MAX_ANSWER:
                    raise EngineUnavailable(
                        f"the Docker daemon answered with more than {MAX_ANSWER} bytes"
                    )
                connection.settimeout(_until(end))
        head, _, content = received.partition(b"\r\n\r\n")
        version, status, *_ = (*head.split(None, 2), b"", b"")
        if not version.startswith(b"HTTP/1.") or not status.isdigit():
            raise EngineUnavailable("the Docker daemon did not answer with HTTP")
        return int(status), bytes(content)


def _until(end: float) -> float:
    """Return the seconds until `end`, as a time limit of a socket: 0 would mean no wait at all."""
    return max(end - time.monotonic(), 0.001)
