"""`policyd host`: the gate on a host with accelerators."""

from __future__ import annotations

import os
from typing import Any, Final

import click
import msgspec

from policyd.cli.options import settings, settings_options
from policyd.config import default_audit
from policyd.host.runtime_install import DEFAULT_PATH

EPILOG: Final = """\b
Examples:
  policyd host serve --config /etc/policyd/policyd.toml
\b
The table [host] of the settings file has the name of the host, the mode and
the sockets. In daemon.json of Docker, the plugin has the name of the socket:
  {"authorization-plugins": ["policyd"]}
\b
While policyd does not answer, the daemon refuses every request.
"""


RUNTIME_EPILOG: Final = """\b
Examples:
  policyd host install-runtime
  policyd host install-runtime --path /usr/local/sbin/policyd-runtime --runtime /usr/bin/crun
\b
With the runtime of NVIDIA as the default runtime of Docker, name the file as
its first low-level runtime, so that it sees what that runtime adds:
  nvidia-ctk config --in-place --set nvidia-container-runtime.runtimes=FILE
"""


@click.group("host")
def command() -> None:
    """Decide on the requests that the Docker daemon of this host receives."""


@command.command("serve", epilog=EPILOG)
@settings_options("policy_set", "audit")
def serve_command(**options: Any) -> int:
    """Run Docker's authorization plugin on a unix socket."""
    from policyd.host.serve import serve

    read = settings(**options)
    if not read.audit:
        read = msgspec.structs.replace(read, audit=default_audit(os.environ))
    serve(read)
    return 0


@command.command("install-runtime", epilog=RUNTIME_EPILOG)
@settings_options()
@click.option(
    "--path", default=DEFAULT_PATH, show_default=True, metavar="FILE", help="File to write."
)
@click.option(
    "--runtime", metavar="FILE",
    help="Real runtime that creates the containers. Default: runc of this machine.",
)  # fmt: skip
def install_runtime_command(config: str | None, path: str, runtime: str | None) -> int:
    """Write policyd-runtime, an OCI runtime that asks the gate before it creates a container.

    It shows the gate what the kernel would really give to the container: device numbers, mounts,
    hooks and the variables of its image. It hands all other commands to the real runtime at once.
    """
    from policyd.host.runtime_install import default_runtime, install

    real = default_runtime() if runtime is None else runtime
    install(path, real, settings(config).host.socket)
    click.echo(f"wrote {path}, which runs {real}; in daemon.json of Docker:")
    click.echo(
        f'  {{"runtimes": {{"policyd": {{"path": "{path}"}}}}, "default-runtime": "policyd"}}'
    )
    return 0
