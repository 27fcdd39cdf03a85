"""The accelerators of a host, and who holds each.

In: a host of the inventory, the grants on it. Out: its devices with their grants. A GPU with MIG
devices is shown as these; a grant of the GPU is a grant of each. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from policyd.audit.event import GrantRecord
from policyd.grants.identity import DeviceNames, normal_form
from policyd.inventory.hosts import Host

_Numbered = tuple[int, GrantRecord]


class HostDevice(msgspec.Struct, frozen=True, rename="camel"):
    """A device: `device` is its index, or that of its GPU and its own; `grants` are on it.

    `held` is true also if the reader may not see the grants.
    """

    host: str
    vendor: str
    device: str
    uuid: str
    model: str
    held: bool
    grants: tuple[GrantRecord, ...] = ()


def host_devices(name: str, host: Host, records: Iterable[GrantRecord]) -> list[HostDevice]:
    """Return the devices of `host`, which reviews call `name`, each with those of `records`."""
    everything, by_name = list[_Numbered](), dict[str, list[_Numbered]]()
    for numbered in enumerate(records):
        record = numbered[1]
        if record.devices == "all":
            everything.append(numbered)
            continue
        for one in record.names:
            by_name.setdefault(one, []).append(numbered)
    found = []
    for device, names in _devices(name, host):
        own = dict([*everything, *(each for one in names for each in by_name.get(one, ()))])
        grants = tuple(
            own[at] for at in sorted(own) if own[at].vendor in (device.vendor, "unknown")
        )
        found.append(msgspec.structs.replace(device, held=bool(grants), grants=grants))
    return found


def identities(host: Host) -> tuple[str, ...]:
    """Return the identities of the NVIDIA devices of `host`, as grants have them."""
    names = DeviceNames(host)
    own = (device for device, _ in _devices("", host) if device.vendor == "nvidia")
    return tuple(names.get(one.device) for one in own)


def _devices(name: str, host: Host) -> Iterator[tuple[HostDevice, frozenset[str]]]:
    """Yield each device, and the names by which a grant of it can be found."""
    for gpu in host.gpus:
        index = str(gpu.index)
        written = (index, gpu.uuid, gpu.pci)
        whole = {normal_form(one, "nvidia", {}) for one in written if one}
        for part in gpu.mig_devices:
            own = f"{index}:{part.index}"
            shown = part.name or gpu.name
            device = HostDevice(name, "nvidia", own, part.uuid, shown, False)
            yield device, frozenset({own, part.uuid.lower(), *whole})
        if not gpu.mig_devices:
            yield HostDevice(name, "nvidia", index, gpu.uuid, gpu.name, False), frozenset(whole)
    for other in host.accelerators:
        index = str(other.index)
        written = (index, other.node, other.unique_id)
        names = frozenset(normal_form(one, other.vendor, {}) for one in written if one)
        yield HostDevice(name, other.vendor, index, other.unique_id, other.name, False), names
