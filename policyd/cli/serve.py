"""`policyd serve`: run the webhook."""

from __future__ import annotations

import os
from typing import Any, Final

import click
import msgspec

from policyd.cli.options import settings, settings_options
from policyd.config import default_audit

EPILOG: Final = """\b
Examples:
  policyd serve
  policyd serve --config policyd.toml
  policyd serve --listen 127.0.0.1:9000 --audit postgresql://policyd@db/audit
\b
Without tokens in the settings file, the address must be a loopback address.
Every decision is on disk before it is answered: in --audit, by default in
$XDG_STATE_HOME/policyd/audit.db (~/.local/state/policyd/audit.db).
\b
The policy set is reloaded on SIGHUP and when its files change. If the new
policy set is not valid, the previous one stays in force.
"""


@click.command("serve", epilog=EPILOG)
@settings_options("policy_set", "audit", "listen", "workers")
def command(**options: Any) -> int:
    """Run the webhook for CI jobs, forges and registries."""
    from policyd.serving.server import serve

    read = settings(**options)
    if not read.audit:
        read = msgspec.structs.replace(read, audit=default_audit(os.environ))
    serve(read)
    return 0
