"""A receipt: what it states, and whether it was verified.

In: an Receipt of policyd.wire. Out: lines for people, or the document as JSON.
"""

from __future__ import annotations

from collections.abc import Iterator

from policyd import wire
from policyd.formats import json
from policyd.formats.table import visible
from policyd.model import Grant
from policyd.receipts.statement import Admission


def text(receipt: wire.Receipt, *, colour: bool = False) -> str:
    """Return whether the receipt is valid, and what it covers."""
    return "".join(f"{visible(line)}\n" for line in _lines(receipt))


def as_json(receipt: wire.Receipt, *, colour: bool = False) -> str:
    """Return the document."""
    return json.render(receipt)


def _lines(receipt: wire.Receipt) -> Iterator[str]:
    if receipt.reason:
        yield f"{receipt.source}: not valid: {receipt.reason}"
    elif receipt.verified:
        yield f"{receipt.source}: valid, signed by the key {receipt.key_id}"
    else:
        yield f"{receipt.source}: not verified; see policyd receipt verify"
    if receipt.admission:
        yield from _admission(receipt.admission)


def _admission(one: Admission) -> Iterator[str]:
    source = one.source
    place = [source.repository, source.environment, source.host and f"host {source.host}"]
    verdict = "allowed" if one.allowed else "denied"
    dry = ", dry run" if one.dry_run else ""
    yield f"  decision:   {one.decision_id}, {verdict} ({one.operation}{dry})"
    yield f"  log:        {one.log}, event {one.sequence}"
    yield f"  project:    {', '.join(filter(None, (one.project, *place)))}"
    yield f"  policy set: {one.policy_set.name} {one.policy_set.revision}"
    yield f"  valid:      from {one.time} until {one.expires}"
    for workload in one.workloads:
        yield f"  {workload.kind}: {workload.name} × {workload.replicas}, {workload.digest}"
    for grant in one.grants:
        yield f"  grant:      {_grant(grant)}"
    for name in one.exceptions:
        yield f"  exception:  {name}"


def _grant(grant: Grant) -> str:
    devices = grant.devices
    if isinstance(devices, dict):
        shown = f"{devices.get('count', 0)} of its devices"
    else:
        shown = devices if isinstance(devices, str) else ", ".join(devices)
    until = f", until {grant.expires}" if grant.expires else ""
    return f"{grant.service}: {grant.vendor} by {grant.method}, {shown}{until}"
