"""The settings of the gate on a host: the table `[host]` of the settings file."""

from __future__ import annotations

import os
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
    runtimes: Annotated[
        tuple[str, ...],
        Meta(
            description="Runtimes that a container may name, besides the default runtime of the "
            "daemon. Default: where the daemon knows `policyd-runtime`, those that run it; "
            "elsewhere, those that the policies allow."
        ),
    ] = ()
    grants_url: Annotated[
        str,
        Meta(
            description="URL of the webhook whose audit log has the grants of this host, besides "
            "those in `audit` and in receipts."
        ),
    ] = ""
    grants_token_file: Annotated[
        str,
        Meta(
            description="File that contains the token for `grants_url`. It needs the scope "
            "`audit:read`."
        ),
    ] = ""
    grants_ca_file: Annotated[
        str, Meta(description="CA certificates for verifying `grants_url`, a PEM file.")
    ] = ""
    grants_interval: Annotated[
        int, Meta(ge=1, le=3_600, description="Polling interval of `grants_url`, in seconds.")
    ] = 15
    grants_max_age: Annotated[
        int,
        Meta(
            ge=1,
            le=604_800,
            description="How long the grants of `grants_url` count while it cannot be reached, in "
            "seconds.",
        ),
    ] = 3_600
    grants_cache: Annotated[
        str, Meta(description="File that keeps the grants of `grants_url` over a restart.")
    ] = "/var/lib/policyd/grants.json"
    receipts: Annotated[
        str,
        Meta(
            description="Folder with receipts for this host. They are verified with the keys of "
            "`receipt_public_keys_file`."
        ),
    ] = ""


_PATHS: Final = (
    "socket",
    "engine",
    "grants_token_file",
    "grants_ca_file",
    "grants_cache",
    "receipts",
)


def with_absolute_paths(settings: HostSettings, folder: str) -> HostSettings:
    """Return `settings` whose paths that are relative start at `folder`."""
    paths = {name: getattr(settings, name) for name in _PATHS}
    absolute = {name: os.path.join(folder, path) for name, path in paths.items() if path}
    return msgspec.structs.replace(settings, **absolute)
