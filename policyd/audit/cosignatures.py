"""The cosignatures of stored checkpoints.

In: a connection to the log. Out: notes with more signatures. A cosignature is one more line of a
stored note. Source: C2SP tlog-cosignature.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update

from policyd.audit.tables import checkpoints
from policyd.errors import NoteError
from policyd.transparency.note import Verifier
from policyd.transparency.witness import cosigners

_EXAMINED: Final = 1_000
"""Checkpoints among which one with cosignatures is looked for, the newest first."""


def add(connection: Connection, size: int, lines: Iterable[str]) -> str:
    """Add the cosignatures `lines` to the stored checkpoint of `size` events; return its note.

    A witness that cosigned it before is left out: replicas may have asked at the same time.
    `connection` excludes other writers.
    """
    of_size = checkpoints.c.size == size
    note = str(connection.execute(select(checkpoints.c.note).where(of_size)).scalar_one())
    for line in lines:
        signer = line.rpartition(" ")[0]
        if f"\n{signer} " not in note:
            note += line
    connection.execute(update(checkpoints).where(of_size).values(note=note))
    return note


def newest_cosigned(
    connection: Connection, witnesses: Sequence[Verifier], least: int = 1, size: int = 0
) -> Row[Any] | None:
    """Return the newest stored checkpoint that `least` of `witnesses` cosigned, None without one.

    It has at least `size` events.
    """
    query = (
        select(checkpoints)
        .where(checkpoints.c.size >= size)
        .order_by(checkpoints.c.size.desc())
        .limit(_EXAMINED)
    )
    for row in connection.execute(query):
        try:
            found = cosigners(str(row.note), witnesses)
        except NoteError:
            continue
        if len(found) >= least:
            return row
    return None
