"""The file through which the main process gives the policy set in force to the workers.

In: a folder that belongs to the server. Out: the content of the file, which is always replaced as a
whole: readers get exactly the policy set that was published, with its revision. A worker that
starts later gets the last valid policy set, whatever the operator's files contain by then.
"""

from __future__ import annotations

import errno
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


def is_published(folder: Path) -> bool:
    """Return whether there is a publication."""
    try:
        stamp(folder)
    except FileNotFoundError:
        return False
    return True


def stamp(folder: Path) -> Stamp:
    """Return the stamp of the publication. Raises FileNotFoundError if there is none."""
    found = os.stat(folder / FILE)
    _check_owner(found)
    return found.st_ino, found.st_mtime_ns


def read(folder: Path) -> Published:
    """Return the publication. Raises FileNotFoundError if there is none."""
    with (folder / FILE).open("rb") as file:
        _check_owner(os.fstat(file.fileno()))
        return msgspec.json.decode(file.read(), type=Published)


def _check_owner(found: os.stat_result) -> None:
    """Raise FileNotFoundError for a file of another user.

    Somebody else can create a folder of the same name once a cleaner has removed ours.
    """
    if found.st_uid != os.geteuid():
        raise FileNotFoundError(errno.ENOENT, "the publication belongs to another user")
