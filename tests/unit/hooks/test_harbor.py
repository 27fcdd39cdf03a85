"""Notifications of Harbor, in the forms of its documentation."""

from __future__ import annotations

from typing import Any

import msgspec

from policyd.hooks.events import Ignored, Push
from policyd.hooks.harbor import parse

DIGEST = f"sha256:{'a' * 64}"
DATA = {
    "resources": [{"digest": DIGEST, "tag": "1.0", "resource_url": "harbor.example/ml/train:1.0"}],
    "repository": {"name": "train", "namespace": "ml", "repo_full_name": "ml/train"},
}
OWN = {"type": "PUSH_ARTIFACT", "occur_at": 1586922308, "operator": "admin", "event_data": DATA}
CLOUD_EVENT = {
    "specversion": "1.0",
    "type": "harbor.artifact.pushed",
    "time": "2026-11-30T00:00:00Z",
    "operator": "admin",
    "data": DATA,
}


def only(notification: dict[str, Any]) -> Push | Ignored:
    (event,) = parse(msgspec.json.encode(notification))
    return event


def test_a_push_is_read_in_both_formats() -> None:
    for notification in (OWN, CLOUD_EVENT):
        event = only(notification)
        assert isinstance(event, Push)
        assert (event.repository, event.digest, event.tag, event.actor) == (
            "ml/train",
            DIGEST,
            "1.0",
            "admin",
        )


def test_the_same_event_has_the_same_id_and_another_has_another() -> None:
    assert only(OWN) == only(OWN)
    assert only(OWN) != only(OWN | {"occur_at": 1586922309})


def test_a_push_without_a_tag_states_its_digest_as_tag() -> None:
    untagged = DATA | {"resources": [{"digest": DIGEST, "tag": DIGEST}]}

    event = only(OWN | {"event_data": untagged})

    assert isinstance(event, Push)
    assert event.tag == ""


def test_other_events_and_names_that_are_not_valid_are_ignored() -> None:
    for changes in (
        {"type": "SCANNING_COMPLETED"},
        {"event_data": DATA | {"repository": {"repo_full_name": "../x"}}},
        {"event_data": DATA | {"resources": [{"digest": "sha256:1", "tag": "1"}]}},
        {"operator": "a\nb"},
        {"event_data": DATA | {"resources": [{"digest": DIGEST, "tag": "x" * 300}]}},
    ):
        assert isinstance(only(OWN | changes), Ignored)
