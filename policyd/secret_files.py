"""Read secrets from files.

In: the path of a file, and the name of the setting that names it. Out: the secret, without the
blanks around it. Errors: ConfigError; no message contains a secret.
"""

from __future__ import annotations

import os
import stat
from typing import IO, Any, Final

from policyd.errors import ConfigError

LEAST_TOKEN: Final = 16
"""Characters of the shortest token that callers may present. `openssl rand -hex 32` has 64."""
MAX_KEY: Final = 65_536
"""Bytes of a private key file that are read. An Ed25519 key has about 120."""


def secret_in(path: str, where: str) -> str:
    """Return the secret in the file at `path`. Raises ConfigError."""
    return _read(path, where, others_may_read=True)


def token_in(path: str, where: str, at_least: int = 1) -> str:
    """Return the token in the file at `path`, which only its owner and group may read.

    Raises ConfigError, also for a token of fewer than `at_least` characters.
    """
    token = _read(path, where, others_may_read=False)
    if len(token) < at_least:
        raise ConfigError(
            f"{where}: the token in {path} has {len(token)} characters, which can be guessed; "
            f"use at least {at_least}, such as the output of openssl rand -hex 32"
        )
    return token


def key_in(path: str, where: str) -> bytes:
    """Return the content of the private key file at `path`, which only owner and group may read.

    Raises ConfigError.
    """
    try:
        with open(path, "rb") as file:
            _check_permissions(file, path, where)
            return file.read(MAX_KEY)
    except OSError as error:
        raise ConfigError(f"{where}: cannot read {path}: {error.strerror}") from error


def _read(path: str, where: str, *, others_may_read: bool) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            if not others_may_read:
                _check_permissions(file, path, where)
            text = file.read().strip()
    except OSError as error:
        raise ConfigError(f"{where}: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: {path} is not valid UTF-8") from error
    if not text:
        raise ConfigError(f"{where}: {path} is empty")
    return text


def _check_permissions(file: IO[Any], path: str, where: str) -> None:
    mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        done = "read" if mode & stat.S_IROTH else "change"
        raise ConfigError(
            f"{where}: all users of this machine can {done} {path} (mode {mode:04o}); "
            "allow only its owner, with chmod 600, or also its group"
        )
