"""The address of the webhook.

In: settings. Out: host and port. Errors: ConfigError.
"""

from __future__ import annotations

import re

from policyd.config import Settings
from policyd.errors import ConfigError
from policyd.loopback import is_loopback


def listen_address(settings: Settings) -> tuple[str, int]:
    """Return host and port of `settings.listen`, which reads "127.0.0.1:8093" or "[::1]:8093".

    Without tokens only a loopback address is allowed, because requests are not authenticated.
    Raises ConfigError.
    """
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})", settings.listen)
    if not found or int(found[3]) > 65535:
        raise ConfigError(
            f"listen: invalid address {settings.listen!r}; write HOST:PORT, as in 127.0.0.1:8093"
        )
    host = found[1] or found[2]
    required = settings.tokens or settings.issuers or settings.oidc.issuer
    if not required and not is_loopback(host):
        raise ConfigError(
            f"listen: {settings.listen} is not a loopback address, and no token is configured; "
            "add [tokens.NAME] to the settings file, or listen on 127.0.0.1"
        )
    return host, int(found[3])
