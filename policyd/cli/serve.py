"""`policyd serve`: run the webhook."""

from __future__ import annotations

import functools
import os
from typing import Any, Final

import click
import msgspec

from policyd.cli.options import settings, settings_options
from policyd.config import Settings, default_audit

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
The settings are read again on SIGHUP. The policy set is reloaded on SIGHUP
and when its files change. If the new ones are not valid, the previous ones
stay in force.
"""


@click.command("serve", epilog=EPILOG)
@settings_options("policy_set", "audit", "listen", "workers")
def command(**options: Any) -> int:
    """Run the webhook for CI jobs, forges and registries."""
    from policyd.serving.server import serve

    serve(_settings(options), functools.partial(_settings, options))
    return 0


def _settings(options: dict[str, Any]) -> Settings:
    """Return the settings with an audit log. Raises ConfigError."""
    read = settings(**options)
    return read if read.audit else msgspec.structs.replace(read, audit=default_audit(os.environ))
