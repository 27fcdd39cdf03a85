"""The pushes to registries, and the states of their reviews.

In: the name of a log, pushes. Out: a table, or JSON.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from policyd import wire
from policyd.formats import json
from policyd.formats.table import seconds, table, visible
from policyd.hooks.events import PushRecord

_HEADER = ("RECEIVED", "STATE", "ATTEMPTS", "NEXT ATTEMPT", "REGISTRY", "PUSH", "EVENT")


_SHORT = len("sha256:") + 12


class ListedPushes(msgspec.Struct, frozen=True):
    """The newest pushes of the log `name`, at most `limit` of them."""

    name: str
    records: Sequence[PushRecord]
    limit: int


def text(pushes: ListedPushes, *, colour: bool = False) -> str:
    """Return a table of the pushes, with a line for the last error of each."""
    if not pushes.records:
        return visible(f"No push waits or has failed in {pushes.name}.") + "\n"
    return "\n".join(_lines(pushes)) + "\n"


def as_json(pushes: ListedPushes, *, colour: bool = False) -> str:
    """Return the PushList."""
    return json.render(wire.push_list(pushes.records, pushes.limit))


def _lines(pushes: ListedPushes) -> Iterator[str]:
    header, *rows = table(_HEADER, [_row(one) for one in pushes.records])
    yield header
    for row, one in zip(rows, pushes.records, strict=True):
        yield row
        if one.error:
            yield f"  {visible(one.error)}"
    if len(pushes.records) == pushes.limit:
        yield ""
        yield f"These are the newest {pushes.limit}; list more with --limit."


def _row(one: PushRecord) -> list[str]:
    named = f"{one.repository}:{one.tag}" if one.tag else f"{one.repository}@{one.digest[:_SHORT]}"
    due = seconds(one.due) if one.state == "waiting" else "-"
    return [
        seconds(one.received),
        one.state,
        str(one.attempts),
        due,
        one.registry,
        named,
        one.event_id,
    ]
