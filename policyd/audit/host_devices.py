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
    # The names of a grant are worked out once, not for each device.
    listed = [(one, one.names) for one in records]
    return [
        msgspec.structs.replace(device, held=bool(own), grants=own)
        for device, names in _devices(name, host)
        for own in [tuple(one for one, its in listed if _has(one, its, device.vendor, names))]
    ]


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


def _has(record: GrantRecord, own: tuple[str, ...], vendor: str, names: frozenset[str]) -> bool:
    """Return whether `record`, of devices with the names `own`, is of the device with `names`."""
    if record.vendor not in (vendor, "unknown"):
        return False
    return record.devices == "all" or not names.isdisjoint(own)
