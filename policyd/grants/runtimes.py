"""Classify container runtimes by their names, and by what the inventory says of a host.

In: the name of a runtime. Out: its class: a family of accelerator runtimes, VETTED, UNKNOWN, or ""
where no runtime is named.
"""

from __future__ import annotations

import posixpath
from typing import Final

from policyd.compose.text.scalars import SPACES
from policyd.grants.identity import NO_NAMES, DeviceNames
from policyd.grants.tables import Tables
from policyd.inventory.hosts import NO_TOOLKIT, Host
from policyd.lazy_pattern import lazy_pattern

VETTED: Final = "vetted"
UNKNOWN: Final = "unknown"

_SEPARATORS: Final = lazy_pattern(r"[^a-z0-9]+")


class HostSettings:
    """What is known of the host of a review: its devices and the settings of its engine.

    `default_class` is the class of the default runtime, "" if it is not known. `toolkit` has the
    settings of the NVIDIA Container Toolkit, None if they are not known; `swarm_variables` are the
    names in its setting swarm-resource.
    """

    def __init__(self, tables: Tables, host: Host | None = None) -> None:
        """Read `host`, the entry of the inventory; None for a host that it does not have."""
        self._tables = tables
        self._runtimes = host.runtimes if host else {}
        self.names = DeviceNames(host) if host else NO_NAMES
        self.toolkit = host.toolkit if host and host.toolkit != NO_TOOLKIT else None
        self.swarm_variables = _names(self.toolkit.swarm_resource) if self.toolkit else ()
        self.has_usb_accelerators = host.usb_accelerators if host else False
        self.default_class = self.class_of(host.default_runtime) if host else ""

    def class_of(self, runtime: str) -> str:
        """Return the class of the runtime that the engine of this host knows as `runtime`."""
        name = runtime.strip(SPACES)
        return class_of_name(posixpath.basename(self._runtimes.get(name, "")) or name, self._tables)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for part in text.split(",") if (name := part.strip(SPACES)))


def class_of_name(name: str, tables: Tables) -> str:
    """Return the class of a runtime by its name alone, which is compared without case."""
    known = tables.data.runtimes
    name = name.strip(SPACES).lower()
    if not name:
        return ""
    for part, owner in known.containing.items():
        if part in name:
            return tables.family_of(owner)
    if known.vetted.get(name):
        return VETTED
    owners = {known.tokens[token] for token in _SEPARATORS.split(name) if token in known.tokens}
    return tables.family_of(min(owners)) if owners else UNKNOWN
