"""The events that forges report.

In: nothing. Out: the types that the adapters of `policyd.forges` return. Everything in them was
chosen by the sender of a delivery, and is checked: names of repositories, commits and refs are well
formed, and no URL of a delivery is kept.
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec

from policyd.errors import RequestError

MAX_NAME: Final = 255
"""Characters of the name of a repository, a branch or a user, and of the id of a delivery."""

_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REPOSITORY: Final = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)+")


class Change(msgspec.Struct, frozen=True, omit_defaults=True):
    """A commit to review: one that was pushed to a branch, or the head of a pull request.

    `repository` is its full name (owner/name, or group/subgroup/name), `repository_id` the number
    by which the forge knows it. `base` is the commit to compare with, "" for none: the one before
    the push, or the one that the pull request would be merged into. A branch that is new has none,
    and is compared with `base_branch`, the default branch. `number` is that of the pull
    request. `source_id` is the id of the repository that holds the commit: another one for a pull
    request from a fork, where `is_fork` is set. `installation` is that of a GitHub App.
    """

    delivery: str
    kind: Literal["push", "pull-request"]
    repository: str
    repository_id: int
    commit: str
    base: str = ""
    base_branch: str = ""
    ref: str = ""
    number: int = 0
    actor: str = ""
    source_id: int = 0
    is_fork: bool = False
    installation: int = 0


class ExceptionRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A click on "Request exception" in a check run on `commit`."""

    delivery: str
    repository: str
    repository_id: int
    commit: str
    check_run: int
    actor: str = ""
    installation: int = 0


class Ignored(msgspec.Struct, frozen=True):
    """A delivery that needs no review, and the reason."""

    delivery: str
    reason: str
    repository: str = ""


class Reconciliation(msgspec.Struct, frozen=True):
    """The search for changes whose deliveries were lost. `period` numbers the interval."""

    period: int

    @property
    def delivery(self) -> str:
        """An id that is the same in all processes, so that one of them searches."""
        return f"reconciliation-{self.period}"


Event = Change | ExceptionRequest | Ignored


def commit_of(text: str, what: str) -> str:
    """Return the commit `text`. Raises RequestError unless it is a SHA-1 or SHA-256 in hex."""
    if not _COMMIT.fullmatch(text):
        raise RequestError(f"{what} is not the full id of a commit")
    return text


def base_of(text: str) -> str:
    """Return the commit `text` to compare with; "" if it is none, as for a new branch."""
    return text if _COMMIT.fullmatch(text) and text.strip("0") else ""


def base_branch_of(before: str, ref: str, default: str) -> str:
    """Return the branch to compare a push with: `default` for a branch that is new, "" else."""
    is_new = is_no_commit(before) and ref != f"refs/heads/{default}"
    return text_of(default, "the name of the default branch") if is_new else ""


def is_no_commit(text: str) -> bool:
    """Return whether `text` consists of zeros, as a push states for a branch that is deleted."""
    return bool(text) and not text.strip("0")


def repository_of(text: str) -> str:
    """Return the full name of a repository. Raises RequestError if it is not well formed."""
    parts = text.split("/")
    if len(text) > MAX_NAME or not _REPOSITORY.fullmatch(text) or {".", ".."} & set(parts):
        raise RequestError("the full name of the repository is not valid")
    return text


def text_of(text: str, what: str) -> str:
    """Return `text`. Raises RequestError for unprintable characters and more than MAX_NAME."""
    if len(text) > MAX_NAME or not text.isprintable():
        raise RequestError(f"{what} has unprintable characters, or more than {MAX_NAME}")
    return text
