"""The adapter of GitHub: which deliveries are changes, and what it is asked to show."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from policyd.errors import RequestError, Unauthorized
from policyd.forges.contract import Annotation, Report
from policyd.forges.events import Change, ExceptionRequest, Ignored
from policyd.forges.github import GitHub
from tests.support.cases import cases

GITHUB = GitHub()
HEAD, BASE = "a" * 40, "b" * 40
SIDE = {"sha": HEAD, "ref": "feature", "repo": {"id": 3, "full_name": "ml/train"}}
PULL = {"number": 7, "head": SIDE, "base": {"sha": BASE, "ref": "main"}}
RUN = {"id": 9, "name": "policyd", "head_sha": HEAD}


def event(name: str, **fields: Any) -> Any:
    payload = {
        "repository": {"id": 3, "full_name": "ml/train"},
        "sender": {"login": "ada"},
        "installation": {"id": 5},
        **fields,
    }
    headers = {"x-github-event": name, "x-github-delivery": "d1"}
    return GITHUB.parse(headers, msgspec.json.encode(payload))


def test_a_push_is_a_change() -> None:
    assert event("push", ref="refs/heads/main", before=BASE, after=HEAD) == Change(
        delivery="d1",
        kind="push",
        repository="ml/train",
        repository_id=3,
        commit=HEAD,
        base=BASE,
        ref="refs/heads/main",
        actor="ada",
        source_id=3,
        installation=5,
    )


@cases("action", ["opened", "synchronize", "reopened", "ready_for_review"])
def test_a_pull_request_with_a_new_head_is_a_change(action: str) -> None:
    found = event("pull_request", action=action, pull_request=PULL)

    assert (found.kind, found.number, found.commit, found.base) == ("pull-request", 7, HEAD, BASE)
    assert found.is_fork is False


@cases("repo", [None, {"id": 4, "full_name": "eve/train"}])
def test_a_pull_request_from_a_fork_is_read_through_its_target(repo: Any) -> None:
    pull = PULL | {"head": SIDE | {"repo": repo}}

    found = event("pull_request", action="opened", pull_request=pull)

    assert (found.is_fork, found.repository, found.source_id) == (True, "ml/train", 3)
    assert GITHUB.archive(found, HEAD).path == f"/repos/ml/train/tarball/{HEAD}"


def test_a_pull_request_with_another_base_is_a_change() -> None:
    edited = {"action": "edited", "pull_request": PULL}

    assert isinstance(event("pull_request", changes={"title": {}}, **edited), Ignored)
    assert isinstance(event("pull_request", changes={"base": {}}, **edited), Change)


@cases(
    ("name", "fields"),
    [
        ("ping", {}),
        ("issues", {"action": "opened"}),
        ("push", {"ref": "refs/tags/v1", "after": HEAD}),
        ("push", {"ref": "refs/heads/x", "after": "0" * 40, "deleted": True}),
        ("pull_request", {"action": "closed", "pull_request": PULL}),
        ("check_run", {"action": "created", "check_run": RUN}),
        ("check_run", {"action": "completed", "check_run": RUN}),
        ("check_run", {"action": "rerequested", "check_run": RUN | {"name": "other"}}),
        ("check_suite", {"action": "requested", "check_suite": {"head_sha": HEAD}}),
        ("merge_group", {"action": "destroyed", "merge_group": {"head_sha": HEAD}}),
    ],
)
def test_other_events_are_ignored(name: str, fields: dict[str, Any]) -> None:
    assert isinstance(event(name, **fields), Ignored)


@cases(
    ("name", "fields"),
    [
        ("check_run", {"action": "rerequested", "check_run": RUN}),
        ("check_suite", {"action": "rerequested", "check_suite": {"head_sha": HEAD}}),
        ("merge_group", {"action": "checks_requested", "merge_group": {"head_sha": HEAD}}),
    ],
)
def test_a_check_that_is_requested_again_is_a_change(name: str, fields: dict[str, Any]) -> None:
    found = event(name, **fields)

    assert (found.kind, found.commit) == ("push", HEAD)


def test_the_button_asks_for_an_exception() -> None:
    found = event(
        "check_run",
        action="requested_action",
        check_run=RUN,
        requested_action={"identifier": "request-exception"},
    )

    assert found == ExceptionRequest("d1", "ml/train", 3, HEAD, 9, "ada", 5)
    assert GITHUB.exception(found, "text").path == "/repos/ml/train/check-runs/9"


@cases(
    ("name", "fields"),
    [
        ("push", {"ref": "refs/heads/x", "after": "abc"}),
        ("push", {"ref": "refs/heads/x", "after": HEAD, "repository": None}),
        ("pull_request", {"action": "opened"}),
        ("push", {"ref": 1}),
    ],
)
def test_a_delivery_that_is_not_well_formed_is_refused(name: str, fields: dict[str, Any]) -> None:
    with pytest.raises(RequestError):
        event(name, **fields)


@cases("header", ["", "sha256=", "sha1=" + "0" * 40, "sha256=" + "0" * 64])
def test_a_delivery_without_its_signature_is_refused(header: str) -> None:
    for secret in (b"secret", b""):
        with pytest.raises(Unauthorized):
            GITHUB.verified({"x-hub-signature-256": header}, b"{}", secret, 0)


def test_a_status_has_at_most_140_characters() -> None:
    change = event("push", ref="refs/heads/main", before=BASE, after=HEAD)
    report = Report("denied", "x" * 200, "text", url="https://policyd.example/d/1")

    (call,) = GITHUB.status(change, report, is_app=False)

    assert call.content == {
        "context": "policyd",
        "state": "failure",
        "description": "x" * 140,
        "target_url": "https://policyd.example/d/1",
    }


def test_an_app_sends_50_annotations_a_request() -> None:
    change = event("push", ref="refs/heads/main", before=BASE, after=HEAD)
    notes = tuple(Annotation("compose.yaml", n, "failure", "t", "m") for n in range(120))

    calls = GITHUB.status(change, Report("denied", "s", "m", notes), is_app=True)

    assert [(call.method, call.path) for call in calls] == [
        ("POST", "/repos/ml/train/check-runs"),
        ("PATCH", "/repos/ml/train/check-runs/{id}"),
        ("PATCH", "/repos/ml/train/check-runs/{id}"),
    ]
    assert [len(call.content["output"]["annotations"]) for call in calls] == [50, 50, 20]
    assert calls[0].content["output"]["annotations"][0]["start_line"] == 1
