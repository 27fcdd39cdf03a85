"""The tokens with which a forge is asked: one from a file, or those of a GitHub App.

In: the settings of a forge. Out: a token for an installation. Tokens of installations last an hour;
they are kept until five minutes before that. Errors: ForgeError. Source: GitHub, "Generating a JSON
Web Token for a GitHub App", "Generating an installation access token".
"""

from __future__ import annotations

import threading
import time
from typing import Final

import msgspec

from policyd.errors import ConfigError, ForgeError
from policyd.forge_settings import ForgeSettings
from policyd.forges.contract import Call
from policyd.forges.transport import TokenSource, Transport
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


class FileToken:
    """The token in a file, which is read for each request: a new one counts at once."""

    def __init__(self, path: str, where: str) -> None:
        """Raises ConfigError for a file that cannot be read; `where` names its setting."""
        self._path = path
        self._where = where
        token_in(path, where)

    def token(self, installation: int) -> str:
        """Return the token. Raises ForgeError."""
        try:
            return token_in(self._path, self._where)
        except ConfigError as error:
            raise ForgeError(error.message) from error

    def forget(self, installation: int) -> None:
        """Do nothing: no token is kept."""


def token_source(forge: ForgeSettings, label: str) -> TokenSource:
    """Return the tokens of `forge`. `label` names its table in messages. Raises ConfigError."""
    if not forge.app_id:
        return FileToken(forge.token_file, f"{label}.token_file")
    try:
        import jwt  # noqa: F401 (only Apps need the package)
    except ImportError as error:
        raise ConfigError(
            f"{label}.app_id needs the packages PyJWT and cryptography: pip install 'policyd[oidc]'"
        ) from error
    return _AppTokens(forge, token_in(forge.app_key_file, f"{label}.app_key_file"))


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
        transport = Transport(self._forge, self)
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

    def forget(self, installation: int) -> None:
        """Forget the token of `installation`: the forge does not accept it any more."""
        with self._lock:
            self._kept.pop(installation, None)

    def _own_token(self) -> str:
        import jwt

        now = int(time.time())
        claims = {"iat": now - _BACKDATED, "exp": now + _LIFETIME, "iss": self._forge.app_id}
        try:
            return jwt.encode(claims, self._key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise ForgeError("app_key_file is not a private key (PEM)", is_final=True) from error
