"""The tokens with which a forge is asked: one from a file, or those of a GitHub App.

In: the settings of a forge. Out: a token for an installation. Tokens of installations last an hour;
they are kept until five minutes before that. Errors: ForgeError. Source: GitHub, "Generating a JSON
Web Token for a GitHub App", "Generating an installation access token".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import msgspec

from policyd.errors import ConfigError, ForgeError
from policyd.forge_settings import ForgeSettings
from policyd.forges.contract import Call
from policyd.forges.transport import Transport
from policyd.secret_files import token_in

KEPT_SECONDS: Final = 55 * 60
"""How long the token of an installation is used. It is valid for an hour."""
PERMISSIONS: Final = {
    "checks": "write",
    "contents": "read",
    "metadata": "read",
    "pull_requests": "read",
    "statuses": "write",
}
"""The least permissions of a GitHub App for policyd."""
_BACKDATED: Final = 60
_LIFETIME: Final = 540
"""Seconds of the App's own token: GitHub accepts at most 600, and clocks differ."""


class _InstallationToken(msgspec.Struct, frozen=True):
    token: str


def token_source(forge: ForgeSettings, label: str) -> Callable[[int], str]:
    """Return the function that returns the token for an installation of a GitHub App.

    Without an App it is the token in `token_file`, which is read now. `label` names the table of
    the forge in messages. Raises ConfigError.
    """
    if not forge.app_id:
        token = token_in(forge.token_file, f"{label}.token_file")
        return lambda _: token
    try:
        import jwt  # noqa: F401 (only Apps need the package)
    except ImportError as error:
        raise ConfigError(
            f"{label}.app_id needs the packages PyJWT and cryptography: pip install 'policyd[oidc]'"
        ) from error
    return _AppTokens(forge, token_in(forge.app_key_file, f"{label}.app_key_file")).token


class _AppTokens:
    """The tokens of the installations of one GitHub App. Threads may share it."""

    def __init__(self, forge: ForgeSettings, key: str) -> None:
        self._forge = forge
        self._key = key
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[str, float]] = {}

    def token(self, installation: int) -> str:
        """Return a token of `installation`; for 0 that of the App itself. Raises ForgeError."""
        if not installation:
            return self._own_token()
        with self._lock:
            token, until = self._kept.get(installation, ("", 0.0))
            if time.monotonic() < until:
                return token
        transport = Transport(self._forge, self.token)
        call = Call(
            "POST", f"/app/installations/{installation}/access_tokens", {"permissions": PERMISSIONS}
        )
        try:
            found = msgspec.json.decode(transport.send(call), type=_InstallationToken)
        except (ValueError, RecursionError) as error:
            raise ForgeError("the forge sent a token that is not valid") from error
        with self._lock:
            self._kept[installation] = (found.token, time.monotonic() + KEPT_SECONDS)
        return found.token

    def _own_token(self) -> str:
        import jwt

        now = int(time.time())
        claims = {"iat": now - _BACKDATED, "exp": now + _LIFETIME, "iss": self._forge.app_id}
        try:
            return jwt.encode(claims, self._key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise ForgeError("app_key_file is not a private key (PEM)", is_final=True) from error
