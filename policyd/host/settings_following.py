"""Read the settings of the gate again, and use those that a running gate can change.

In: a function that reads the settings, and one that uses them. Out: the settings in force. Settings
that are not valid are refused: the previous ones stay in force, and the log says why. Those that
need a restart stay as they are until then, and the log names them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
import structlog

from policyd.config import Settings
from policyd.errors import PolicydError
from policyd.host_settings import HostSettings

LIVE: Final = frozenset(("policy_set", "reload_interval", "receipt_public_keys_file"))
"""Settings that a running gate can change, outside of the table `[host]`."""
LIVE_OF_HOST: Final = frozenset(
    ("environment", "mode", "builds", "plugins", "swarm", "runtimes", "receipts")
)
"""Those of the table `[host]`."""

log = structlog.get_logger("policyd.settings")


class SettingsFollowing:
    """Knows the settings in force, and reads them again."""

    def __init__(
        self,
        settings: Settings,
        read_again: Callable[[], Settings],
        use: Callable[[Settings], None],
        changed: Callable[[Sequence[str]], None],
    ) -> None:
        """`use` puts settings in force. Both it and `read_again` may raise PolicydError.

        `changed` receives the names of settings that were changed.
        """
        self._settings = settings
        self._read_again = read_again
        self._use = use
        self._changed = changed

    def reload(self) -> Settings:
        """Read the settings, put them in force, and return those that are in force then."""
        try:
            found = self._read_again()
            settings = _with_live(self._settings, found)
            names = list(_changes(self._settings, settings))
            # Without a change too: the files that settings name may have changed.
            self._use(settings)
        except PolicydError as error:
            log.error("settings refused", reason=error.masked)
            return self._settings
        if waiting := list(_changes(settings, found)):
            log.warning("settings are changed by a restart only", settings=waiting)
        self._settings = settings
        if names:
            log.info("settings in force", changed=names)
            self._changed(names)
        return settings

    def use_again(self) -> None:
        """Put the settings in force once more: files that they name have changed."""
        try:
            self._use(self._settings)
        except PolicydError as error:
            log.error("settings refused", reason=error.masked)


def _with_live(settings: Settings, found: Settings) -> Settings:
    """Return `settings` with what a running gate can take over from `found`."""
    of_host = {name: getattr(found.host, name) for name in LIVE_OF_HOST}
    live = {name: getattr(found, name) for name in LIVE}
    host = msgspec.structs.replace(settings.host, **of_host)
    return msgspec.structs.replace(settings, host=host, **live)


def _changes(before: Settings, after: Settings) -> Iterator[str]:
    """Yield what changed, by name only: values may be secrets."""
    for name in HostSettings.__struct_fields__:
        if getattr(before.host, name) != getattr(after.host, name):
            yield f"host.{name}"
    for name in Settings.__struct_fields__:
        if name != "host" and getattr(before, name) != getattr(after, name):
            yield name
