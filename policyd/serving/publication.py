"""The policy set in force, as the main process hands it to the workers: one file.

In: a folder of the server's own. Out: what stands in its file. It is replaced whole, and whoever
reads it gets the same object that was published, revision and all. A worker that starts later finds
the last good policy set there, whatever the operator's files look like by then.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec

from policyd.model import to_json
from policyd.policies.policy_set import PolicySet
from policyd.services import LoadStatus

FILE: Final = "policy-set.json"

Stamp = tuple[int, int]
"""Another one means another content."""


class Published(msgspec.Struct, frozen=True):
    """The policy set in force, and how loading it went."""

    policy_set: PolicySet
    status: LoadStatus


def publish(folder: Path, published: Published) -> None:
    """Put `published` in the place of what stood there."""
    new = folder / f"{FILE}.new"
    new.write_bytes(to_json(published))
    os.replace(new, folder / FILE)


def stamp(folder: Path) -> Stamp:
    """Return the stamp of what is published. Raises FileNotFoundError when nothing is."""
    found = os.stat(folder / FILE)
    return found.st_ino, found.st_mtime_ns


def read(folder: Path) -> Published:
    """Return what is published. Raises FileNotFoundError when nothing is."""
    return msgspec.json.decode((folder / FILE).read_bytes(), type=Published)
