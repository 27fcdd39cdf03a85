"""The adapter of Gitea, on deliveries of a real Gitea 1.26.0 (gitea_deliveries.jsonl)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from policyd.errors import RequestError, Unauthorized
from policyd.forges.contract import Ends
from policyd.forges.events import Change, Ignored
from policyd.forges.gitea import Gitea
from tests.support.cases import cases

LINES = (Path(__file__).parent / "gitea_deliveries.jsonl").read_text().splitlines()
RECORDED: list[dict[str, Any]] = [json.loads(line) for line in LINES]
SECRET = b"s3cret"
GITEA = Gitea()


def delivery(kind: str, media_type: str = "application/json") -> tuple[dict[str, str], bytes]:
    (found,) = [
        one
        for one in RECORDED
        if one["headers"]["x-gitea-event-type"] == kind
        and one["headers"]["content-type"] == media_type
    ]
    return found["headers"], found["body"].encode()


def event(kind: str) -> Any:
    headers, body = delivery(kind)
    return GITEA.parse(headers, GITEA.verified(headers, body, SECRET, 0))


def test_a_recorded_push_verifies_and_parses() -> None:
    assert event("push") == Change(
        delivery="c75f6b36-f32e-4025-9344-c6c9c3fe61bc",
        kind="push",
        repository="boss/train",
        repository_id=1,
        commit="617efe1bb3dd2b0ee138b0444f73ac3e47e1e8c0",
        base="",
        base_branch="main",
        ref="refs/heads/feat",
        actor="boss",
        source_id=1,
    )


def test_a_recorded_pull_request_verifies_and_parses() -> None:
    opened = event("pull_request")

    assert (opened.kind, opened.number, opened.is_fork) == ("pull-request", 1, False)
    assert opened.repository == "boss/train"
    assert opened.ref == "refs/heads/feat"
    assert len(opened.commit) == len(opened.base) == 40


def test_a_recorded_synchronization_is_a_change() -> None:
    assert isinstance(event("pull_request_sync"), Change)


def test_our_own_review_that_comes_back_is_ignored() -> None:
    assert event("pull_request_review_comment") == Ignored(
        delivery("pull_request_review_comment")[0]["x-gitea-delivery"],
        "the event 'pull_request_review_comment' needs no review",
    )


def test_a_recorded_form_without_a_secret_is_refused() -> None:
    headers, body = delivery("push", "application/x-www-form-urlencoded")
    assert headers["x-gitea-signature"] == ""

    for secret in (SECRET, b""):
        with pytest.raises(Unauthorized):
            GITEA.verified(headers, body, secret, 0)


@cases("change", [b" ", b"\n"])
def test_a_body_that_was_written_again_is_refused(change: bytes) -> None:
    headers, body = delivery("push")

    with pytest.raises(Unauthorized):
        GITEA.verified(headers, body + change, SECRET, 0)


def test_the_signature_of_forgejo_counts_too() -> None:
    headers, body = delivery("push")
    forgejo = {name.replace("x-gitea-", "x-forgejo-"): value for name, value in headers.items()}

    assert GITEA.parse(forgejo, GITEA.verified(forgejo, body, SECRET, 0)) == event("push")


@cases(
    "changes",
    [
        {"after": "8c468a8"},
        {"after": "X" * 40},
        {"repository": {"id": 1, "full_name": "../etc"}},
        {"repository": {"id": 1, "full_name": "a/../../b"}},
        {"repository": {"id": 1, "full_name": "a"}},
        {"ref": "refs/heads/" + "x" * 300},
        {"ref": "refs/heads/a\nb"},
        {"sender": {"login": "\x1b[31m"}},
    ],
)
def test_what_is_not_well_formed_is_refused(changes: dict[str, Any]) -> None:
    headers, body = delivery("push")
    payload = msgspec.json.encode(json.loads(body) | changes)

    with pytest.raises(RequestError):
        GITEA.parse(headers, payload)


def test_a_pull_request_is_compared_with_the_commit_that_it_was_made_from() -> None:
    sides = {"head": {"sha": "a" * 40}, "base": {"sha": "b" * 40}}
    made = msgspec.json.encode(sides | {"merge_base": "c" * 40})

    assert GITEA.ends(made) == Ends("a" * 40, "c" * 40)
    assert GITEA.ends(msgspec.json.encode(sides)) == Ends("a" * 40, "b" * 40)


def test_a_tag_and_a_deleted_branch_are_ignored() -> None:
    headers, body = delivery("push")
    for changes in ({"ref": "refs/tags/v1"}, {"after": "0" * 40}):
        found = GITEA.parse(headers, msgspec.json.encode(json.loads(body) | changes))
        assert isinstance(found, Ignored)
