"""Grants of the audit log: who holds which accelerator.

In: a page of grants. Out: a table, or a GrantList as JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from policyd import wire
from policyd.audit.event import GrantRecord
from policyd.formats import json
from policyd.formats.table import seconds, table, visible
from policyd.model import Grant, GrantedDevices

HEADER: Final = (
    "SINCE", "REPOSITORY", "PROJECT", "ENVIRONMENT", "HOST", "SERVICE", "VENDOR", "METHOD",
    "DEVICES", "REPLICAS", "BY", "EXCEPTIONS", "STATE",
)  # fmt: skip
_CERTAINTY: Final = {
    "certain": "",
    "default-runtime": " (if the default runtime gives it)",
    "unknown": " (not certain)",
    None: " (certainty not recorded)",
}
_UUIDS: Final = ("GPU-", "MIG-")


class Grants(msgspec.Struct, frozen=True):
    """At most `limit` grants of the audit log `log`, newest first; all or the active ones."""

    log: str
    records: Sequence[GrantRecord]
    limit: int
    active: bool


def text(grants: Grants, *, colour: bool = False) -> str:
    """Return a table of `grants`, or a sentence if there are none."""
    if not grants.records:
        return f"No {'active ' if grants.active else ''}grants in {visible(grants.log)}.\n"
    return "\n".join(table(HEADER, [_row(record) for record in grants.records])) + "\n"


def as_json(grants: Grants, *, colour: bool = False) -> str:
    """Return `grants` as a GrantList."""
    return json.render(wire.grant_list(grants.records, grants.limit))


def devices(granted: GrantedDevices, method: str) -> str:
    """Return the devices of a grant as tables show them: all, 2 GPUs, GPU 0,1, or node paths."""
    if isinstance(granted, str):
        return granted
    if isinstance(granted, dict):
        return "1 GPU" if granted["count"] == 1 else f"{granted['count']} GPUs"
    named = ",".join(granted)
    is_id = method != "cgroup-rule" and "/" not in named and not named.upper().startswith(_UUIDS)
    return f"GPU {named}" if is_id else named


def certainty(grant: Grant | GrantRecord) -> str:
    """Return the certainty of a grant in brackets; "" if it is certain."""
    return _CERTAINTY[grant.certainty]


def workload(grant: Grant | GrantRecord) -> str:
    """Return the name of the workload of a grant, with its kind if it is not a service."""
    if grant.kind == "hook":
        return f"{grant.service} (hook {grant.hook})"
    if grant.kind == "job":
        return f"{grant.service} (job{''.join(f', {cron}' for cron in grant.schedule or ())})"
    return grant.service


def _row(record: GrantRecord) -> list[str]:
    return [
        seconds(record.time),
        record.repository,
        record.project,
        record.environment,
        record.host,
        workload(record),
        record.vendor,
        record.method,
        devices(record.devices, record.method) + certainty(record),
        str(record.replicas),
        record.username,
        ",".join(record.exceptions or ()),
        record.state,
    ]
