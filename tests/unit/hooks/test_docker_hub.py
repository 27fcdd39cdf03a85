"""Notifications of Docker Hub, in the form of its documentation."""

from __future__ import annotations

from typing import Any

import msgspec

from policyd.hooks.docker_hub import parse
from policyd.hooks.events import Ignored, Push

NOTIFICATION = {
    "callback_url": "https://registry.hub.docker.com/u/ml/train/hook/1/",
    "push_data": {"pushed_at": 1417566161, "pusher": "ada", "tag": "latest"},
    "repository": {"name": "train", "namespace": "ml", "repo_name": "ml/train"},
}


def only(changes: dict[str, Any]) -> Push | Ignored:
    (event,) = parse(msgspec.json.encode(NOTIFICATION | changes))
    return event


def test_a_push_names_a_tag_and_no_digest() -> None:
    event = only({})

    assert isinstance(event, Push)
    assert (event.repository, event.digest, event.tag, event.actor) == (
        "ml/train",
        "",
        "latest",
        "ada",
    )
    assert event == only({})


def test_names_that_are_not_valid_are_ignored() -> None:
    for changes in (
        {"repository": {"repo_name": "Ml/../x"}},
        {"push_data": {"tag": "a/b"}},
        {"push_data": {"tag": "1", "pusher": "\x1b"}},
    ):
        assert isinstance(only(changes), Ignored)
