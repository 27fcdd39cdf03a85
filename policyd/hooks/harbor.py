"""Parse the notifications of Harbor.

In: the body of a notification, in Harbor's own format or as a CloudEvent. Out: as for any registry,
pushed manifests and ignored events. Harbor does not say what an artifact is: it is looked at when
it is fetched. Events have no id, so repository, digest and time stand for one. Source: Harbor 2.x,
"Configure Webhook Notifications"; goharbor/harbor, src/pkg/notifier/model.
"""

from __future__ import annotations

import hashlib
from typing import Final

import msgspec

from policyd.errors import RequestError
from policyd.hooks.events import Ignored, Push
from policyd.hooks.registry import MAX_EVENTS, MAX_TEXT
from policyd.registry.artifact import is_digest, is_repository

PUSHED: Final = ("PUSH_ARTIFACT", "harbor.artifact.pushed")
"""The type of the event, in Harbor's own format and as a CloudEvent."""


class _Resource(msgspec.Struct, frozen=True):
    digest: str = ""
    tag: str = ""


class _Repository(msgspec.Struct, frozen=True):
    repo_full_name: str = ""


class _Data(msgspec.Struct, frozen=True):
    resources: tuple[_Resource, ...] = ()
    repository: _Repository = _Repository()


class _Notification(msgspec.Struct, frozen=True):
    type: str
    occur_at: int = 0
    time: str = ""
    operator: str = ""
    event_data: _Data | None = None
    data: _Data | None = None


def parse(body: bytes) -> list[Push | Ignored]:
    """Return the events of the notification `body`. Raises RequestError."""
    try:
        found = msgspec.json.decode(body, type=_Notification)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the notification cannot be read: {error}") from error
    data = found.event_data or found.data or _Data()
    if len(data.resources) > MAX_EVENTS:
        raise RequestError(f"the notification has more than {MAX_EVENTS} events")
    repository = data.repository.repo_full_name
    if found.type not in PUSHED:
        reason = f"the type is {found.type[:MAX_TEXT]}, not {PUSHED[0]}"
        return [Ignored("", found.type[:MAX_TEXT], repository[:MAX_TEXT], reason)]
    when = f"{found.occur_at}{found.time}"
    return [_event(one, repository, when, found.operator) for one in data.resources]


def _event(resource: _Resource, repository: str, when: str, operator: str) -> Push | Ignored:
    name = "\0".join((repository, resource.digest, resource.tag, when))
    event_id = f"harbor-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
    reason = ""
    if not is_repository(repository):
        reason = "the name of the repository is not valid"
    elif not is_digest(resource.digest):
        reason = "the digest is not a SHA-256 digest"
    elif not all(len(text) <= MAX_TEXT and text.isprintable() for text in (resource.tag, operator)):
        reason = f"the tag or the operator has unprintable characters, or more than {MAX_TEXT}"
    if reason:
        return Ignored(event_id, PUSHED[0], repository[:MAX_TEXT], reason)
    # Harbor states the digest as the tag of a push without a tag.
    tag = "" if resource.tag == resource.digest else resource.tag
    return Push(event_id, repository, resource.digest, tag, operator)
