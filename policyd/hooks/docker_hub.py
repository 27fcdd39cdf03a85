"""Parse the notifications of Docker Hub.

In: the body of a notification. Out: as for any registry, a push or an ignored event. Docker Hub
states no digest and signs nothing: the tag is looked up when the push is reviewed, and its URLs are
never requested. Source: Docker Hub, "Webhooks".
"""

from __future__ import annotations

import hashlib
import re
from typing import Final

import msgspec

from policyd.errors import RequestError
from policyd.hooks.events import Ignored, Push
from policyd.hooks.registry import MAX_TEXT
from policyd.registry.artifact import is_repository

_TAG: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


class _PushData(msgspec.Struct, frozen=True):
    tag: str
    pushed_at: float = 0
    pusher: str = ""


class _Repository(msgspec.Struct, frozen=True):
    repo_name: str


class _Notification(msgspec.Struct, frozen=True):
    push_data: _PushData
    repository: _Repository


def parse(body: bytes) -> list[Push | Ignored]:
    """Return the event of the notification `body`. Raises RequestError."""
    try:
        found = msgspec.json.decode(body, type=_Notification)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the notification cannot be read: {error}") from error
    repository, pushed = found.repository.repo_name, found.push_data
    name = f"{repository}\0{pushed.tag}\0{pushed.pushed_at}"
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    event_id = f"docker-hub-{digest[:32]}"
    reason = ""
    if not is_repository(repository):
        reason = "the name of the repository is not valid"
    elif not _TAG.fullmatch(pushed.tag):
        reason = "the tag is not valid"
    elif len(pushed.pusher) > MAX_TEXT or not pushed.pusher.isprintable():
        reason = f"the name of the pusher has unprintable characters, or more than {MAX_TEXT}"
    if reason:
        return [Ignored(event_id, "push", repository[:MAX_TEXT], reason)]
    return [Push(event_id, repository, "", pushed.tag, pushed.pusher)]
