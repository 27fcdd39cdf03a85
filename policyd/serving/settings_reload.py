"""Read the settings again, and give them to the workers.

In: a function that reads the settings, and the folder of the server. Out: the settings in force, in
a file of that folder which only this user can read, and which is replaced as a whole. Settings that
are not valid are refused: the previous ones stay in force, and the log says why. So does a setting
of RESTART until the next start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from policyd.config import Settings
from policyd.errors import PolicydError
from policyd.model import to_json

FILE: Final = "settings.json"

RESTART: Final = (
    "listen",
    "tls_certificate_file",
    "tls_key_file",
    "tls_client_ca_file",
    "workers",
    "threads",
    "audit",
    "max_body",
    "review_timeout",
    "log_format",
)
"""The settings that stay as they are until the next start."""

Stamp = tuple[int, int]
"""Differs if the content differs."""

log = structlog.get_logger("policyd.settings")


class SettingsReloader:
    """Publishes the settings whenever they are read anew."""

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        read_again: Callable[[], Settings],
        check: Callable[[Settings], None],
        changed: Callable[[Sequence[str]], None] = lambda _: None,
    ) -> None:
        """Publish `settings` in `folder`.

        `read_again` returns the settings of now; `check` tries to use them. Both may raise
        PolicydError. `changed` receives the names of settings that were changed.
        """
        self.settings = settings
        self._folder = folder
        self._read_again = read_again
        self._check = check
        self._changed = changed
        self._publish()

    def reload(self) -> bool:
        """Read the settings, and put them in force. Return whether they differ from before."""
        try:
            found = self._read_again()
            fixed = {name: getattr(self.settings, name) for name in RESTART}
            settings = msgspec.structs.replace(found, **fixed)
            if settings != self.settings:
                self._check(settings)
        except PolicydError as error:
            log.error("settings refused", reason=str(error))
            return False
        if waiting := [name for name in RESTART if getattr(found, name) != fixed[name]]:
            log.warning("settings are changed by a restart only", settings=waiting)
        if settings == self.settings:
            log.info("settings unchanged")
            return False
        names = list(_changes(self.settings, settings))
        log.info("settings in force", changed=names)
        self.settings = settings
        self._publish()
        self._changed(names)
        return True

    def publish_again(self) -> bool:
        """Publish the settings in force if their publication was removed. Return whether it was.

        Raises OSError.
        """
        if (self._folder / FILE).exists():
            return False
        self._publish()
        return True

    def _publish(self) -> None:
        new = self._folder / f"{FILE}.new"
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.write(to_json(self.settings))
        os.replace(new, self._folder / FILE)


def stamp(folder: Path) -> Stamp:
    """Return the stamp of the published settings. Raises FileNotFoundError if there are none."""
    found = os.stat(folder / FILE)
    return found.st_ino, found.st_mtime_ns


def read(folder: Path) -> Settings:
    """Return the published settings. Raises FileNotFoundError if there are none."""
    return msgspec.json.decode((folder / FILE).read_bytes(), type=Settings)


def _changes(before: Settings, after: Settings) -> Iterator[str]:
    """Yield what changed, by name only: values may be secrets."""
    for name in Settings.__struct_fields__:
        old, new = getattr(before, name), getattr(after, name)
        if isinstance(old, dict):
            yield from (f"{name}.{entry}: {what}" for entry, what in _entries(old, new))
        elif old != new:
            yield name


def _entries(old: dict[str, Any], new: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name in sorted({*old, *new}):
        if name not in new:
            yield name, "removed"
        elif name not in old:
            yield name, "added"
        elif old[name] != new[name]:
            yield name, "changed"
