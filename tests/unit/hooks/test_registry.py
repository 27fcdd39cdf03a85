from __future__ import annotations

import json

import pytest

from policyd.errors import RequestError
from policyd.hooks.events import Ignored, Push
from policyd.hooks.registry import parse
from tests.support.cases import cases

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DIGEST = "sha256:b79de99bf46d80f928fe6b666d0f6c9f50409b9e8a97ed34448f5e2b67c12e73"
EMPTY = {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": "sha256:44136f"}
COMPOSE = {
    "mediaType": "application/vnd.docker.compose.file+yaml",
    "size": 210,
    "digest": "sha256:e59646b5",
    "annotations": {"com.docker.compose.file": "compose.yaml"},
}


def push(**target) -> dict[str, object]:
    """An event as distribution 2.8.2 sends it for `docker compose publish`."""
    return {
        "id": "09c9144b-68f3-4f67-9a6e-510bdd9abe28",
        "timestamp": "2026-11-23T15:30:40.263312053Z",
        "action": "push",
        "target": {
            "mediaType": MANIFEST,
            "size": 912,
            "digest": DIGEST,
            "length": 912,
            "repository": "demo/simple",
            "url": f"http://evil.example/v2/demo/simple/manifests/{DIGEST}",
            "tag": "1.0",
            "references": [EMPTY, COMPOSE],
            **target,
        },
        "request": {"id": "a45a43ab", "addr": "127.0.0.1:42296", "method": "PUT"},
        "actor": {"name": "ci"},
        "source": {"addr": "registry:5055", "instanceID": "2a8fe6a9"},
    }


def read(*events) -> list[Push | Ignored]:
    return parse(json.dumps({"events": events}).encode())


def reason(event) -> str:
    (found,) = read(event)
    assert isinstance(found, Ignored)
    return found.reason


def test_a_pushed_compose_artifact_is_to_be_judged():
    assert read(push()) == [
        Push("09c9144b-68f3-4f67-9a6e-510bdd9abe28", "demo/simple", DIGEST, "1.0", "ci")
    ]


def test_without_references_a_manifest_must_be_looked_at():
    event = push()
    del event["target"]["references"]

    assert isinstance(read(event)[0], Push)
    assert isinstance(read(push(references=[], tag=""))[0], Push)


@cases("action", ["pull", "mount", "delete"])
def test_what_is_no_push_is_left_alone(action):
    """A pull above all: our own fetch causes one."""
    event = push() | {"action": action}

    assert reason(event) == f"the action is {action}, not push"


def test_a_deletion_is_left_alone():
    event = push() | {"action": "delete", "target": {"digest": DIGEST, "repository": "demo/x"}}

    assert (
        read(event, event | {"target": {"repository": "demo/x", "tag": "1"}})
        == [Ignored(event["id"], "delete", "demo/x", "the action is delete, not push")] * 2
    )


@cases(
    ("target", "expected"),
    [
        ({"references": [EMPTY]}, "the manifest does not refer to a Compose file"),
        (
            {"references": [], "mediaType": "application/octet-stream"},
            "the media type 'application/octet-stream' is not that of a manifest",
        ),
        (
            {"references": [], "mediaType": "application/vnd.oci.image.index.v1+json"},
            "the media type 'application/vnd.oci.image.index.v1+json' is not that of a manifest",
        ),
        ({"references": [], "mediaType": ""}, "the media type '' is not that of a manifest"),
        ({"repository": "demo/../admin"}, "the name of the repository is not valid"),
        ({"repository": ""}, "the name of the repository is not valid"),
        ({"digest": "sha256:abc"}, "the digest is not a SHA-256 digest"),
        ({"digest": f"{DIGEST}/../x"}, "the digest is not a SHA-256 digest"),
        ({"digest": "sha512:" + "a" * 128}, "the digest is not a SHA-256 digest"),
    ],
)
def test_what_is_no_artifact_that_can_be_fetched_is_left_alone(target, expected):
    assert reason(push(**target)) == expected


def test_several_events_keep_their_order():
    kinds = [type(found) for found in read(push(), push() | {"action": "pull"}, push())]

    assert kinds == [Push, Ignored, Push]


@cases(
    ("body", "expected"),
    [
        (b"", "the notification cannot be read: "),
        (b'{"events": [{"id": "\xff"}]}', "the notification cannot be read: "),
        (b"[]", "the notification cannot be read: "),
        (b"{}", "the notification cannot be read: "),
        (b'{"events": [{"id": 1, "action": "push"}]}', "the notification cannot be read: "),
        (b'{"events": [' + b"[" * 100_000, "the notification cannot be read: "),
        (
            json.dumps({"events": [push()] * 1001}).encode(),
            "the notification has more than 1000 events",
        ),
    ],
)
def test_what_is_no_notification_is_an_error(body, expected):
    with pytest.raises(RequestError) as caught:
        parse(body)
    assert str(caught.value).startswith(expected)
