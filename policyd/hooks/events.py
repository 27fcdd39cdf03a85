"""The events that hooks report."""

from __future__ import annotations

import msgspec


class Push(msgspec.Struct, frozen=True):
    """A manifest that was pushed and may be a Compose artifact. `tag` is "" if there is none."""

    event_id: str
    repository: str
    digest: str
    tag: str = ""
    actor: str = ""


class Ignored(msgspec.Struct, frozen=True):
    """An event that needs no review, and the reason."""

    event_id: str
    action: str
    repository: str
    reason: str
