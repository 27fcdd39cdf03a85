"""The repositories of CI jobs, and the ids that their tokens stated.

In: the name of a log, repositories. Out: a table, or JSON.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from policyd import wire
from policyd.formats import json
from policyd.formats.table import table, visible
from policyd.identity.job import KnownRepository

_HEADER = ("ISSUER", "REPOSITORY", "ID", "OWNER ID")


class KnownRepositories(msgspec.Struct, frozen=True):
    """The repositories in the log `name`."""

    name: str
    repositories: Sequence[KnownRepository]


def text(known: KnownRepositories, *, colour: bool = False) -> str:
    """Return a table of the repositories."""
    if not known.repositories:
        return visible(f"No job of an issuer was accepted in {known.name}.") + "\n"
    rows = [list(msgspec.structs.astuple(one)) for one in known.repositories]
    return "\n".join(table(_HEADER, rows)) + "\n"


def as_json(known: KnownRepositories, *, colour: bool = False) -> str:
    """Return the JobRepositoryList."""
    return json.render(wire.JobRepositoryList(items=tuple(known.repositories)))
