"""Name the requests to the Docker daemon that the gate decides on; all others pass.

In: a Call. Out: its Endpoint, None if it passes. Sources: moby api/server/router (the routes of
20.10 and of 29); section "Docker Engine API" of its documentation.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple

from policyd.host.call import Call

Kind = Literal[
    "create",
    "start",
    "old-start",
    "restore",
    "checkpoint",
    "files",
    "update",
    "exec",
    "volume",
    "service",
    "swarm",
    "build",
    "plugin",
]

FIRST_STRICT: Final = (1, 24)
"""The first version of the API in which a request to start a container cannot change it."""

_ROUTES: Final[tuple[tuple[Kind, re.Pattern[str]], ...]] = (
    ("create", re.compile(r"/containers/create")),
    ("start", re.compile(r"/containers/(?P<name>.+)/(?:start|restart)")),
    ("checkpoint", re.compile(r"/containers/(?P<name>.+)/checkpoints(?:/.*)?")),
    ("files", re.compile(r"/containers/(?P<name>.+)/(?:archive|copy)")),
    ("update", re.compile(r"/containers/(?P<name>.+)/update")),
    ("exec", re.compile(r"/containers/(?P<name>.+)/exec")),
    ("volume", re.compile(r"/volumes/create")),
    ("service", re.compile(r"/services/create|/services/(?P<name>.+)/update")),
    ("swarm", re.compile(r"/swarm/(?:init|join)")),
    ("build", re.compile(r"/build|/session|/grpc(?:/.*)?|/\w+(?:\.\w+)+/\w+")),
    ("plugin", re.compile(r"/plugins/.+")),
)
"""BuildKit's services are named as gRPC does: /moby.buildkit.v1.Control/Solve."""


class Endpoint(NamedTuple):
    """What a request is about; `name` is that of the container or service in its path."""

    kind: Kind
    name: str = ""


def endpoint(call: Call) -> Endpoint | None:
    """Return what `call` is about, None if it passes."""
    for kind, route in _ROUTES:
        if (found := route.fullmatch(call.path)) and (kind == "files" or not call.is_reading):
            name = found.groupdict().get("name") or ""
            if kind == "start" and call.version and call.version < FIRST_STRICT:
                return Endpoint("old-start", name)
            if kind == "start" and "checkpoint" in call.query:
                return Endpoint("restore", name)
            return Endpoint(kind, name)
    return None
