"""The adapter of GitLab: which deliveries are changes, and what it is asked to show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from policyd.errors import RequestError, Unauthorized
from policyd.forges.contract import Report, Settled
from policyd.forges.events import Change, Ignored
from policyd.forges.gitlab import GitLab

GITLAB = GitLab()
HEAD, BASE = "a" * 40, "b" * 40
PROJECT = {"id": 3, "path_with_namespace": "group/sub/train"}
REQUEST = {
    "iid": 7,
    "action": "open",
    "source_project_id": 3,
    "target_project_id": 3,
    "source_branch": "feature",
    "last_commit": {"id": HEAD},
}


def event(name: str, **fields: Any) -> Any:
    headers = {"x-gitlab-event": name, "idempotency-key": "d1"}
    return GITLAB.parse(headers, msgspec.json.encode({"project": PROJECT, **fields}))


def merge_request(**changes: Any) -> Any:
    return event("Merge Request Hook", object_attributes=REQUEST | changes, user={"username": "a"})


def test_a_push_is_a_change() -> None:
    found = event("Push Hook", ref="refs/heads/main", before=BASE, after=HEAD, user_username="ada")

    assert found == Change(
        "d1", "push", "group/sub/train", 3, HEAD, BASE, "", "refs/heads/main", 0, "ada", 3
    )


def test_a_merge_request_from_a_fork_is_read_where_it_comes_from() -> None:
    found = merge_request(source_project_id=4)

    assert (found.is_fork, found.source_id, found.repository_id) == (True, 4, 3)
    path = f"/projects/4/repository/archive.tar.gz?sha={HEAD}"
    assert GITLAB.archive(found, HEAD).path == path
    assert GITLAB.archive(found, BASE).path == path.replace("/4/", "/3/").replace(HEAD, BASE)
    assert GITLAB.status(found, Report("denied", "s", "m"), is_app=False) == []


def test_an_update_counts_if_it_has_new_commits() -> None:
    assert isinstance(merge_request(action="update"), Ignored)
    assert isinstance(merge_request(action="update", oldrev=BASE), Change)
    assert isinstance(merge_request(action="approved"), Ignored)


def test_other_events_are_ignored() -> None:
    assert isinstance(event("Note Hook"), Ignored)
    assert isinstance(event("Push Hook", ref="refs/heads/x", after="0" * 40), Ignored)


def test_the_secret_token_is_compared_whole() -> None:
    assert GITLAB.verified({"x-gitlab-token": "s3cret"}, b"{}", b"s3cret", 0) == b"{}"
    for given, secret in (("s3cre", b"s3cret"), ("", b"s3cret"), ("", b""), ("x", b"")):
        with pytest.raises(Unauthorized):
            GITLAB.verified({"x-gitlab-token": given}, b"{}", secret, 0)


def test_a_signing_secret_wants_a_signature_also_where_the_token_is_right() -> None:
    secret = b"whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="

    with pytest.raises(Unauthorized):
        GITLAB.verified({"x-gitlab-token": secret.decode()}, b"{}", secret, 0)


def test_a_delivery_without_an_id_is_refused() -> None:
    with pytest.raises(RequestError):
        GITLAB.parse({"x-gitlab-event": "Push Hook"}, b"{}")


def test_the_same_state_again_settles_the_request() -> None:
    found = event("Push Hook", ref="refs/heads/main", before=BASE, after=HEAD)

    (call,) = GITLAB.status(found, Report("allowed", "s", "m"), is_app=False)

    assert call.settled == (400,)
    assert call.content == {
        "name": "policyd",
        "state": "success",
        "ref": "main",
        "description": "s",
    }


def test_a_note_is_written_once_and_changed_later() -> None:
    found, report = merge_request(), Report("allowed", "s", "m")
    notes = "/projects/3/merge_requests/7/notes"

    first = GITLAB.comment(found, report, Settled())
    later = GITLAB.comment(found, report, Settled(12))

    assert first
    assert (first.method, first.path) == ("POST", notes)
    assert later
    assert (later.method, later.path) == ("PUT", f"{notes}/12")
