"""Notifications of a CNCF distribution registry.

In: the body of a notification. Out: for each event, a pushed manifest that may be a Compose
artifact, or why the event is left alone. Nothing of an event is trusted but repository and digest,
and these only when they have the form of one. Source: distribution, "Notifications" (2.8).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from policyd.errors import RequestError
from policyd.registry.artifact import COMPOSE_FILE, is_digest

MAX_EVENTS: Final = 1_000
"""Events of one notification: a registry sends one, or what queued up while we were away."""
MAX_REPOSITORY: Final = 255
"""Characters of a repository's name, as distribution has it."""
MANIFEST_TYPES: Final = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)

_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY: Final = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")


class Push(msgspec.Struct, frozen=True):
    """A manifest that was pushed and may be a Compose artifact. `tag` is "" when none was named."""

    event_id: str
    repository: str
    digest: str
    tag: str = ""
    actor: str = ""


class LeftAlone(msgspec.Struct, frozen=True):
    """An event that says nothing to judge, and why."""

    event_id: str
    action: str
    repository: str
    reason: str


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


def events_of(body: bytes) -> list[Push | LeftAlone]:
    """Return what the events of a notification say, in their order. Raises RequestError."""
    try:
        notification = msgspec.json.decode(body, type=_Notification)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the notification cannot be read: {error}") from error
    if len(notification.events) > MAX_EVENTS:
        raise RequestError(f"the notification has more than {MAX_EVENTS} events")
    return [_read(event) for event in notification.events]


def _read(event: _Event) -> Push | LeftAlone:
    target = event.target
    if reason := _nothing_to_judge(event):
        return LeftAlone(event.id, event.action, target.repository, reason)
    return Push(event.id, target.repository, target.digest, target.tag, event.actor.name)


def _nothing_to_judge(event: _Event) -> str:
    target = event.target
    if event.action != "push":
        return f"the action is {event.action}, not push"
    kinds = {reference.media_type for reference in target.references}
    if kinds and COMPOSE_FILE not in kinds:
        return "the manifest refers to no Compose file"
    if not kinds and target.media_type not in MANIFEST_TYPES:
        return f"{target.media_type or 'no media type'} is not that of a manifest"
    if not is_repository(target.repository):
        return "its repository has no valid name"
    if not is_digest(target.digest):
        return "its digest is not a SHA-256"
    return ""


def is_repository(name: str) -> bool:
    """Whether `name` is one of a repository, as distribution's grammar has it."""
    return len(name) <= MAX_REPOSITORY and _REPOSITORY.fullmatch(name) is not None
