"""`policyd host`: the gate on a host with accelerators."""

from __future__ import annotations

import os
from typing import Any, Final

import click
import msgspec

from policyd.cli.options import settings, settings_options
from policyd.config import default_audit

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
