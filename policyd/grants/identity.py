"""Give one device one name, so that devices can be compared.

In: an id as it is written, its vendor, and the host where it is known. Out: the normal form of the
id. An index and a UUID are the same device only on a host that the inventory has. Source of the
names: libnvidia-container src/cli/common.c (select_devices), nvidia-container-toolkit pkg/nvcdi.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from policyd.grants import cdi
from policyd.grants.selection import HIGHEST, without_zeros
from policyd.inventory.hosts import Host
from policyd.lazy_pattern import lazy_pattern

_NUMBER: Final = lazy_pattern(r"\+?([0-9]+)")
_PCI: Final = lazy_pattern(r"([0-9a-f]+):([0-9a-f]+):([0-9a-f]+)\.0", re.IGNORECASE)
_PCI_DIGITS: Final = (8, 2, 2)
_MIG: Final = lazy_pattern(r"([0-9]+):([0-9]+)")
_UNIQUE: Final = ("gpu-", "mig-", "0x")


class DeviceNames:
    """The names of the NVIDIA devices of one host."""

    def __init__(self, host: Host | None = None) -> None:
        """Know the devices of `host`; without a host, know none."""
        self._names: dict[str, str] = {}
        for gpu in host.gpus if host else ():
            index = str(gpu.index)
            self._names |= {index: index, f"gpu{index}": index, gpu.uuid.lower(): index}
            if gpu.pci:
                self._names[_written(gpu.pci)] = index
            for part in gpu.mig_devices:
                uuid = part.uuid.lower()
                own = (uuid, f"{index}:{part.index}", f"mig{index}:{part.index}")
                self._names |= dict.fromkeys(own, uuid)

    def get(self, name: str) -> str:
        """Return the identity of the device that the host knows as `name`, else `name`."""
        return self._names.get(name, name)

    def aliases(self, identity: str) -> tuple[str, ...]:
        """Return the other names of the device `identity` on the host, sorted."""
        return tuple(
            sorted(
                name for name, own in self._names.items() if own == identity and name != identity
            )
        )


NO_NAMES: Final = DeviceNames()


def normal_form(
    written: str, vendor: str, domains: Mapping[str, str], names: DeviceNames = NO_NAMES
) -> str:
    """Return the name by which the device `written` can be compared with others of `vendor`.

    `domains` are the known vendors of CDI names, `names` the devices of the host.
    """
    if "=" in written and cdi.is_name(written):
        if vendor == "unknown" or cdi.vendor(written, domains) != vendor:
            return written
        written = cdi.device(written)
    form = _written(written)
    return names.get(form) if vendor == "nvidia" else form


def normal_forms(
    written: Iterable[str], vendor: str, domains: Mapping[str, str], names: DeviceNames = NO_NAMES
) -> tuple[str, ...]:
    """Return the normal form of each id, in order and with repetitions."""
    return tuple(normal_form(one, vendor, domains, names) for one in written)


def searched_names(written: str) -> tuple[str, ...]:
    """Return the normal forms that a search for the device `written` looks for.

    A CDI name stands for its device too, because its vendor is not known here.
    """
    own = _written(written)
    return (own, _written(cdi.device(written))) if cdi.is_name(written) else (own,)


def first(count: int) -> tuple[str, ...]:
    """Return the indexes that `count: N` stands for: the engine takes the first N devices.

    Source: moby daemon/devices_nvidia_linux.go (countToDevices).
    """
    return tuple(map(str, range(min(count, HIGHEST + 1))))


def _written(text: str) -> str:
    """Return an id in the one form of those that say the same."""
    if found := _NUMBER.fullmatch(text):
        return without_zeros(found[1])
    lower = text.lower()
    if lower.startswith(_UNIQUE):
        return lower
    if found := _PCI.fullmatch(lower):
        parts = zip(found.groups(), _PCI_DIGITS, strict=True)
        return ":".join(part.lstrip("0").rjust(digits, "0") for part, digits in parts) + ".0"
    if found := _MIG.fullmatch(text):
        return f"{without_zeros(found[1])}:{without_zeros(found[2])}"
    return text
