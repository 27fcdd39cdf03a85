"""Parse the notifications of a CNCF distribution registry.

In: the body of a notification. Out: for each event, either a pushed manifest that may be a Compose
artifact, or the reason why the event is ignored. Only the repository and the digest of an event are
used, and only if they are well formed. Source: distribution, "Notifications" (2.8).
"""

from __future__ import annotations

from typing import Final

import msgspec

from policyd.errors import RequestError
from policyd.hooks.events import Ignored, Push
from policyd.registry.artifact import COMPOSE_FILE, MANIFEST_TYPES, is_digest, is_repository

MAX_EVENTS: Final = 1_000
"""Events in one notification. A registry sends one, or those that waited while we were down."""


MAX_TEXT: Final = 256
"""Characters of each text of an event that is stored. Ids are UUIDs; a tag has at most 128."""


class _Reference(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""


class _Target(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    digest: str = ""
    repository: str = ""
    tag: str = ""
    references: tuple[_Reference, ...] = ()


class _Actor(msgspec.Struct, frozen=True):
    name: str = ""


class _Event(msgspec.Struct, frozen=True):
    id: str
    action: str
    target: _Target = _Target()
    actor: _Actor = _Actor()


class _Notification(msgspec.Struct, frozen=True):
    events: tuple[_Event, ...]


def parse(body: bytes) -> list[Push | Ignored]:
    """Return the events of the notification `body`, in their order. Raises RequestError."""
    try:
        notification = msgspec.json.decode(body, type=_Notification)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the notification cannot be read: {error}") from error
    if len(notification.events) > MAX_EVENTS:
        raise RequestError(f"the notification has more than {MAX_EVENTS} events")
    return [_parse_event(event) for event in notification.events]


def _parse_event(event: _Event) -> Push | Ignored:
    target = event.target
    if reason := _why_ignored(event):
        return Ignored(
            event.id[:MAX_TEXT], event.action[:MAX_TEXT], target.repository[:MAX_TEXT], reason
        )
    return Push(event.id, target.repository, target.digest, target.tag, event.actor.name)


def _why_ignored(event: _Event) -> str:
    target = event.target
    if event.action != "push":
        return f"the action is {event.action[:MAX_TEXT]}, not push"
    kinds = {reference.media_type for reference in target.references}
    if kinds and COMPOSE_FILE not in kinds:
        return "the manifest does not refer to a Compose file"
    if not kinds and target.media_type not in MANIFEST_TYPES:
        return f"the media type {target.media_type[:MAX_TEXT]!r} is not that of a manifest"
    if not is_repository(target.repository):
        return "the name of the repository is not valid"
    if not is_digest(target.digest):
        return "the digest is not a SHA-256 digest"
    texts = {"id": event.id, "tag": target.tag, "name of the actor": event.actor.name}
    for name, text in texts.items():
        if len(text) > MAX_TEXT or not text.isprintable():
            return f"the {name} has unprintable characters, or more than {MAX_TEXT}"
    return "" if event.id else "the event has no id"
