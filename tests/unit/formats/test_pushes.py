from __future__ import annotations

import json

from policyd.formats.pushes import ListedPushes, as_json, text
from policyd.hooks.events import PushRecord

DIGEST = "sha256:" + "a" * 64
WAITING = PushRecord(
    2, "hub", "event-2", "demo/simple", DIGEST, "1.0", "ci", "hub/demo/simple",
    "2026-11-30T10:00:00.000000000Z", "waiting", "hub.example did not answer in time", 1,
    "2026-11-30T10:00:01.500000000Z",
)  # fmt: skip
FAILED = PushRecord(
    1, "hub", "event-1", "demo/b", DIGEST, "", "ci", "hub/demo/b",
    "2026-11-30T09:00:00.000000000Z", "failed", "", 8, "2026-11-30T10:44:00.000000000Z",
)  # fmt: skip


def test_each_push_is_a_line_and_its_error_another() -> None:
    assert text(ListedPushes("audit.db", [WAITING, FAILED], 50)).splitlines() == [
        "RECEIVED              STATE    ATTEMPTS  NEXT ATTEMPT          REGISTRY  "
        "PUSH                        EVENT",
        "2026-11-30T10:00:00Z  waiting  1         2026-11-30T10:00:01Z  hub       "
        "demo/simple:1.0             event-2",
        "  hub.example did not answer in time",
        "2026-11-30T09:00:00Z  failed   8         -                     hub       "
        "demo/b@sha256:aaaaaaaaaaaa  event-1",
    ]


def test_a_full_page_states_that_there_may_be_more() -> None:
    assert text(ListedPushes("audit.db", [WAITING], 1)).endswith(
        "\n\nThese are the newest 1; list more with --limit.\n"
    )


def test_no_pushes_are_a_sentence() -> None:
    assert text(ListedPushes("audit.db", [], 50)) == "No push waits or has failed in audit.db.\n"


def test_pushes_as_json_are_a_page() -> None:
    assert json.loads(as_json(ListedPushes("audit.db", [WAITING], 1))) == {
        "apiVersion": "policyd/v1",
        "kind": "PushList",
        "items": [
            {
                "number": 2,
                "registry": "hub",
                "eventId": "event-2",
                "repository": "demo/simple",
                "digest": DIGEST,
                "tag": "1.0",
                "actor": "ci",
                "source": "hub/demo/simple",
                "received": "2026-11-30T10:00:00.000000000Z",
                "state": "waiting",
                "error": "hub.example did not answer in time",
                "attempts": 1,
                "due": "2026-11-30T10:00:01.500000000Z",
            }
        ],
        "next": 2,
    }
