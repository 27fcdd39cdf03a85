"""The events that hooks report, and what becomes of them."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

PushState = Literal["waiting", "running", "done", "failed"]

UNFINISHED: Final[tuple[PushState, ...]] = ("waiting", "running", "failed")
"""The states of pushes that have no verdict."""


class Push(msgspec.Struct, frozen=True):
    """What was pushed and may have a Compose project.

    To a registry: a manifest, whose `tag` is "" if there is none. To a forge: the commit `digest`
    of the ref `tag`, with the event as JSON in `detail`.
    """

    event_id: str
    repository: str
    digest: str
    tag: str = ""
    actor: str = ""
    detail: str = ""


class Ignored(msgspec.Struct, frozen=True):
    """An event that needs no review, and the reason."""

    event_id: str
    action: str
    repository: str
    reason: str


class PushRecord(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A push to `registry`, and the state of its review. Times are in RFC 3339.

    `registry` is the name of a registry, or "forge/" and the name of a forge.

    `source` is the repository that the review states. `attempts` counts those that were started.
    `error` is that of the last attempt, "" if there is none. `due` is the time of the next attempt;
    of a push that is done or failed, the time of the last.
    """

    number: int
    registry: str
    event_id: str
    repository: str
    digest: str
    tag: str
    actor: str
    source: str
    received: str
    state: PushState
    error: str
    attempts: int
    due: str
    detail: str = ""

    @property
    def push(self) -> Push:
        """The push, as it was reported."""
        return Push(self.event_id, self.repository, self.digest, self.tag, self.actor, self.detail)
