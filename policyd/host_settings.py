"""The settings of the gate on a host: the table `[host]` of the settings file."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

DEFAULT_SOCKET: Final = "/run/docker/plugins/policyd.sock"
"""Docker looks for its plugins in this folder; the name of the file is that of the plugin."""

DEFAULT_ENGINE: Final = "/var/run/docker.sock"

Permission = Literal["deny", "allow"]


class HostSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How `policyd host serve` decides on the requests that the Docker daemon receives."""

    name: Annotated[
        str, Meta(description="Name of the host in reviews. Default: the host name of the machine.")
    ] = ""
    environment: Annotated[str, Meta(description="Environment of the host in reviews.")] = ""
    mode: Annotated[
        Literal["observe", "warn", "enforce"],
        Meta(
            description="What happens to a container with accelerators that no active grant "
            "covers. `enforce`: it is denied. `warn`: it is allowed, with a warning in the log. "
            "`observe`: it is only recorded."
        ),
    ] = "enforce"
    socket: Annotated[
        str, Meta(min_length=1, description="Unix socket that the Docker daemon connects to.")
    ] = DEFAULT_SOCKET
    engine: Annotated[
        str,
        Meta(min_length=1, description="Unix socket of the Docker daemon, for reading from it."),
    ] = DEFAULT_ENGINE
    timeout: Annotated[
        int,
        Meta(
            ge=1,
            le=25,
            description="Time limit of a decision, in seconds. A request that takes longer is "
            "denied.",
        ),
    ] = 10
    builds: Annotated[
        Permission,
        Meta(
            description="Whether images may be built. The daemon does not show what a build does."
        ),
    ] = "deny"
    plugins: Annotated[
        Permission,
        Meta(description="Whether plugins of Docker may be installed, enabled and changed."),
    ] = "deny"
    swarm: Annotated[
        Permission,
        Meta(
            description="Whether the host may create or join a swarm. The daemon starts the tasks "
            "of services without asking."
        ),
    ] = "deny"
