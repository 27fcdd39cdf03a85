"""The file through which the main process gives the policy set in force to the workers.

In: a folder that belongs to the server. Out: the content of the file, which is always replaced as a
whole: readers get exactly the policy set that was published, with its revision. A worker that
starts later gets the last valid policy set, whatever the operator's files contain by then.
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
"""Differs if the content differs."""


class Published(msgspec.Struct, frozen=True):
    """The policy set in force, and the result of loading it."""

    policy_set: PolicySet
    status: LoadStatus


def publish(folder: Path, published: Published) -> None:
    """Replace the publication in `folder`."""
    new = folder / f"{FILE}.new"
    new.write_bytes(to_json(published))
    os.replace(new, folder / FILE)


def stamp(folder: Path) -> Stamp:
    """Return the stamp of the publication. Raises FileNotFoundError if there is none."""
    found = os.stat(folder / FILE)
    return found.st_ino, found.st_mtime_ns


def read(folder: Path) -> Published:
    """Return the publication. Raises FileNotFoundError if there is none."""
    return msgspec.json.decode((folder / FILE).read_bytes(), type=Published)
