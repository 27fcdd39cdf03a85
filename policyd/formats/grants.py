"""Grants of the audit log: who holds which accelerator.

In: a page of grants. Out: text, a GrantList as JSON, CSV, JSON Lines.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from policyd import wire
from policyd.audit.event import GrantRecord
from policyd.formats import json
from policyd.formats.grant_words import certainty, devices, workload
from policyd.formats.table import seconds, visible
from policyd.formats.tabular import csv_text, json_lines

WIDTH: Final = 80
HEADER: Final = tuple(field.encode_name for field in msgspec.structs.fields(GrantRecord))
"""The columns of CSV."""
_REVISION: Final = len("sha256:") + 12
"""Characters of a revision that identify it among those of one log."""


class Grants(msgspec.Struct, frozen=True):
    """At most `limit` grants of the audit log `log`, newest first; all or the active ones."""

    log: str
    records: Sequence[GrantRecord]
    limit: int
    active: bool


def text(grants: Grants, *, colour: bool = False) -> str:
    """Return a block of lines for each of `grants`, or a sentence if there are none."""
    if not grants.records:
        return f"No {'active ' if grants.active else ''}grants in {visible(grants.log)}.\n"
    lines = [line for record in grants.records for line in grant_lines(record)]
    if len(grants.records) == grants.limit:
        lines += ["", f"These are the newest {grants.limit}; list more with --limit."]
    return "\n".join(lines) + "\n"


def as_json(grants: Grants, *, colour: bool = False) -> str:
    """Return `grants` as a GrantList."""
    return json.render(wire.grant_list(grants.records, grants.limit))


def as_csv(grants: Grants, *, colour: bool = False) -> str:
    """Return a table with a row for each of `grants`."""
    return csv_text(HEADER, grants.records)


def as_json_lines(grants: Grants, *, colour: bool = False) -> str:
    """Return each of `grants` as one line of JSON."""
    return json_lines(grants.records)


def grant_lines(record: GrantRecord) -> Iterator[str]:
    """Yield what a grant is of, who holds it and when, in lines of at most WIDTH columns."""
    named = devices(record.devices, record.method).replace(",", ", ") + certainty(record)
    yield from _wrapped(f"{record.host or 'unknown host'}: {named}, {record.state}", "  ")
    yield from _wrapped(f"  {_times(record)}", "    ")
    place = [record.repository, f"project {record.project}", f"service {workload(record)}"]
    place += [f"environment {record.environment}"] if record.environment else []
    yield from _wrapped(f"  {', '.join(filter(None, place))}", "    ")
    replicas = f"{record.replicas} replica{'' if record.replicas == 1 else 's'}"
    by = f" for {record.username}" if record.username else ""
    yield from _wrapped(
        f"  grant {record.name}{by}: {record.vendor} by {record.method}, {replicas}", "    "
    )
    for line in _permission(record):
        yield from _wrapped(line, "    ")


def _permission(record: GrantRecord) -> Iterator[str]:
    """Yield which decision by which policy set allowed a grant, and by which of its parts."""
    revision = record.revision[:_REVISION]
    yield f"  decision {record.decision_id} by {record.policy_set} {revision}"
    for what, names in (
        ("entitlements", record.entitlements),
        ("exceptions", record.exceptions),
        ("constraints", record.constraints),
    ):
        if names:
            yield f"  {what} {', '.join(names)}"


def _times(record: GrantRecord) -> str:
    since = f"since {seconds(record.time)}"
    if record.ended:
        return f"{since} until {seconds(record.ended)}"
    return f"{since}, expires {seconds(record.expires)}" if record.expires else since


def _wrapped(line: str, indent: str) -> list[str]:
    return textwrap.wrap(
        visible(line), WIDTH, subsequent_indent=indent, break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
