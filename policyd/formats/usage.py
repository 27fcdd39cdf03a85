"""GPU-hours of teams, and the devices of hosts with who holds them.

In: a UsageList or a DeviceList of policyd.wire. Out: text, JSON, CSV, JSON Lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from policyd import wire
from policyd.audit.host_devices import HostDevice
from policyd.audit.usage import Usage
from policyd.formats.grant_words import workload
from policyd.formats.table import seconds, table, visible
from policyd.formats.tabular import csv_text, json_lines

_USAGE_HEADER: Final = tuple(field.encode_name for field in msgspec.structs.fields(Usage))
_DEVICE_HEADER: Final = ("host", "vendor", "device", "uuid", "model", "held", "grants")
_UNNAMED: Final = "(not named)"


def usage_text(usage: wire.UsageList, *, colour: bool = False) -> str:
    """Return a table of the GPU-hours, with a line about those that were not counted."""
    begin = seconds(usage.since) if usage.since else "the beginning"
    period = f"from {begin} until {seconds(usage.until)}"
    if not usage.items:
        return visible(f"No GPU was held {period}.") + "\n"
    rows = [
        [one.group or _UNNAMED, f"{one.gpu_hours:.1f}", str(one.gpus), str(one.grants)]
        for one in usage.items
    ]
    lines = [visible(f"GPU-hours held {period}"), ""]
    lines += table((visible(usage.by).upper(), "GPU-HOURS", "GPUS", "GRANTS"), rows)
    lines += _uncounted(usage)
    return "\n".join(lines) + "\n"


def usage_csv(usage: wire.UsageList, *, colour: bool = False) -> str:
    """Return a table with a row for each group."""
    return csv_text(_USAGE_HEADER, usage.items)


def usage_json_lines(usage: wire.UsageList, *, colour: bool = False) -> str:
    """Return one line of JSON for each group."""
    return json_lines(usage.items)


def devices_text(devices: wire.DeviceList, *, colour: bool = False) -> str:
    """Return a line for each device: free, or held, and by whom."""
    if not devices.items:
        return "No such devices in the inventory of the policy set.\n"
    lines = [line for one in devices.items for line in _device_lines(one)]
    free = sum(not one.held for one in devices.items)
    held = len(devices.items) - free
    lines += ["", visible(f"At {seconds(devices.at)}: {free} free, {held} held.")]
    return "\n".join(lines) + "\n"


def devices_csv(devices: wire.DeviceList, *, colour: bool = False) -> str:
    """Return a table with a row for each device; its grants are named as in `audit grants`."""
    rows = (
        {**msgspec.to_builtins(one), "grants": [grant.name for grant in one.grants]}
        for one in devices.items
    )
    return csv_text(_DEVICE_HEADER, rows)


def devices_json_lines(devices: wire.DeviceList, *, colour: bool = False) -> str:
    """Return one line of JSON for each device."""
    return json_lines(devices.items)


def _uncounted(usage: wire.UsageList) -> Iterator[str]:
    groups = [one for one in usage.items if one.uncounted_hours]
    if groups:
        yield ""
        yield "Not counted are grants of all devices of hosts without inventory:"
    for one in groups:
        yield f"  {visible(one.group) or _UNNAMED}: {one.uncounted_hours:.1f} hours"


def _device_lines(device: HostDevice) -> Iterator[str]:
    model = f" ({device.model})" if device.model else ""
    state = "held" if device.held else "free"
    yield visible(f"{device.host} {device.vendor} {device.device}{model}: {state}")
    for grant in device.grants:
        by = f" for {grant.username}" if grant.username else ""
        yield visible(f"  {grant.repository} {grant.project}/{workload(grant)}{by}")
