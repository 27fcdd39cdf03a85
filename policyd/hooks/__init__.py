"""Hooks: one module for each source of notifications. A module parses; it opens no sockets."""

from __future__ import annotations

from typing import Final, Protocol

from policyd.hooks import docker_hub, harbor, registry
from policyd.hooks.events import Ignored, Push


class Hook(Protocol):
    """Parses the notifications of one source."""

    def __call__(self, body: bytes, /) -> list[Push | Ignored]:
        """Return the events of the notification `body`, in their order.

        Raises RequestError for a body that is not a notification of this source.
        """


HOOKS: Final[dict[str, Hook]] = {
    "distribution": registry.parse,
    "dockerhub": docker_hub.parse,
    "harbor": harbor.parse,
}
"""The implementations, by the `kind` of a registry in the settings."""
