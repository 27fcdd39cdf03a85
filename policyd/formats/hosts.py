"""The hosts of data files as text: a row for each accelerator.

In: the data of a policy set, which `organisation_data.py` has checked. Out: a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from policyd.formats.table import table

NO_HOSTS: Final = "No hosts: they are below policyd.inventory.hosts in a data file.\n"
HEADER: Final = ("HOST", "DRIVER", "CUDA", "GPU", "ID", "MODEL")


def text(data: Mapping[str, Any], *, colour: bool = False) -> str:
    """Return a table of the hosts in `data`, with one row for a host without accelerators."""
    rows = list(_rows(data))
    return "\n".join(table(HEADER, rows)) + "\n" if rows else NO_HOSTS


def _rows(data: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    hosts = data["policyd"].get("inventory", {}).get("hosts", {})
    for name, host in sorted(hosts.items()):
        for row in list(_devices(host)) or [(host["driver_version"], host["cuda_version"], "", "")]:
            yield tuple(str(cell) for cell in (name, *row, *[""] * (5 - len(row))))


def _devices(host: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Yield driver, CUDA version, index, id and model of each accelerator of `host`."""
    for gpu in host["gpus"]:
        driver, cuda = host["driver_version"], host["cuda_version"]
        yield driver, cuda, gpu["index"], gpu["uuid"], gpu.get("name", "")
    for other in host.get("accelerators", ()):
        vendor = other["vendor"]
        driver = f"{vendor} {host.get('drivers', {}).get(vendor, '')}".strip()
        device = other.get("unique_id") or other.get("node", "")
        yield driver, "", other["index"], device, other.get("name", "")
