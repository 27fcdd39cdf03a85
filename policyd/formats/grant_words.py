"""How texts name the parts of a grant: its devices, its certainty, its workload."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from policyd.model import Grant, GrantedDevices

if TYPE_CHECKING:
    from policyd.audit.event import GrantRecord

_CERTAINTY: Final = {
    "certain": "",
    "default-runtime": " (if the default runtime gives it)",
    "unknown": " (not certain)",
    None: " (certainty not recorded)",
}
_UUIDS: Final = ("GPU-", "MIG-")


def devices(granted: GrantedDevices, method: str) -> str:
    """Return the devices of a grant as text shows them: all, 2 GPUs, GPU 0,1, or node paths."""
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
