"""The adapter of GitLab.

In: deliveries of push and merge request hooks, signed (webhook-signature) or with the secret token
(X-Gitlab-Token). Out: events, and requests to the API, version 4. A merge request from a fork is
read in the project that it comes from. Source: GitLab, "Webhook events", "Commits API", "Notes
API"; Standard Webhooks 1.0.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from policyd.errors import RequestError, Unauthorized
from policyd.forges.contract import STATUS_NAME, Call, Ends, Report, Settled, header, refuse_empty
from policyd.forges.events import (
    Change,
    Event,
    ExceptionRequest,
    Ignored,
    base_branch_of,
    base_of,
    commit_of,
    is_no_commit,
    repository_of,
    text_of,
)
from policyd.forges.signatures import SECRET_PREFIX, check_standard

MERGE_REQUEST_ACTIONS: Final = ("open", "reopen", "update")
MAX_DESCRIPTION: Final = 255
_STATES: Final = {"allowed": "success", "denied": "failed", "error": "failed"}


class _Project(msgspec.Struct, frozen=True):
    id: int
    path_with_namespace: str
    default_branch: str = ""


class _Commit(msgspec.Struct, frozen=True):
    id: str


class _MergeRequest(msgspec.Struct, frozen=True):
    iid: int
    source_project_id: int
    target_project_id: int
    last_commit: _Commit
    action: str = ""
    source_branch: str = ""
    oldrev: str = ""


class _User(msgspec.Struct, frozen=True):
    username: str = ""


class _Push(msgspec.Struct, frozen=True):
    project: _Project
    ref: str = ""
    before: str = ""
    after: str = ""
    user_username: str = ""


class _MergeRequestHook(msgspec.Struct, frozen=True):
    project: _Project
    object_attributes: _MergeRequest
    user: _User = _User()
    changes: dict[str, Any] = {}


class _DiffRefs(msgspec.Struct, frozen=True):
    base_sha: str = ""


class _Ends(msgspec.Struct, frozen=True):
    sha: str
    diff_refs: _DiffRefs = _DiffRefs()


class _References(msgspec.Struct, frozen=True):
    full: str


class _OpenRequest(msgspec.Struct, frozen=True):
    iid: int
    sha: str
    project_id: int
    source_project_id: int
    references: _References
    source_branch: str = ""
    author: _User = _User()


class GitLab:
    """The adapter of GitLab: a commit status, and one note on a merge request."""

    def verified(self, headers: Mapping[str, str], body: bytes, secret: bytes, now: int) -> bytes:
        """Return the body of a delivery that was signed with `secret`, or that states it.

        A secret that begins with `whsec_` signs; another one is the secret token. Raises
        Unauthorized.
        """
        refuse_empty(secret)
        if secret.startswith(SECRET_PREFIX):
            check_standard(secret, dict(headers), body, now)
        else:
            given = header(headers, "x-gitlab-token").encode("utf-8", "replace")
            if not hmac.compare_digest(given, secret):
                raise Unauthorized("X-Gitlab-Token is not the secret token of this forge")
        return body

    def parse(self, headers: Mapping[str, str], payload: bytes) -> Event:
        """Return the event. Raises RequestError."""
        delivery = (
            header(headers, "webhook-id")
            or header(headers, "idempotency-key")
            or header(headers, "x-gitlab-event-uuid")
        )
        if not text_of(delivery, "the id of the delivery"):
            raise RequestError("the header Idempotency-Key is missing")
        name = header(headers, "x-gitlab-event")
        try:
            if name == "Push Hook":
                return _push(delivery, msgspec.json.decode(payload, type=_Push))
            if name == "Merge Request Hook":
                found = msgspec.json.decode(payload, type=_MergeRequestHook)
                return _merge_request(delivery, found)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the delivery is not valid: {error}") from error
        return Ignored(delivery, f"the event {name[:40]!r} needs no review")

    def archive(self, change: Change, commit: str) -> Call:
        """Return the request for an archive of the project that has the commit."""
        is_head = commit == change.commit
        project = change.source_id if is_head else change.repository_id
        return Call("GET", f"/projects/{project}/repository/archive.tar.gz?sha={quote(commit, '')}")

    def pull_request(self, change: Change) -> Call | None:
        """Return the request for the merge request."""
        if not change.number:
            return None
        project = change.repository_id
        return Call("GET", f"/projects/{project}/merge_requests/{change.number}")

    def ends(self, answer: bytes) -> Ends:
        """Return the head and the base of a merge request. Raises RequestError."""
        try:
            found = msgspec.json.decode(answer, type=_Ends)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the answer on a merge request is not valid: {error}") from error
        return Ends(commit_of(found.sha, "the head"), base_of(found.diff_refs.base_sha))

    def open_pull_requests(self, repository: str) -> Call:
        """Return the request for the newest open merge requests."""
        project = quote(repository, safe="")
        return Call(
            "GET",
            f"/projects/{project}/merge_requests?state=opened&order_by=updated_at&per_page=100",
        )

    def open_changes(self, answer: bytes) -> list[Change]:
        """Return the heads of open merge requests. Raises RequestError."""
        try:
            found = msgspec.json.decode(answer, type=list[_OpenRequest])
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the answer on merge requests is not valid: {error}") from error
        return [_opened(one) for one in found]

    def status(self, change: Change, report: Report | None, *, is_app: bool) -> Sequence[Call]:
        """Return the request for the commit status. GitLab answers 400 for the state that it has.

        The project of a fork takes no status from this one.
        """
        if change.is_fork:
            return []
        content: dict[str, Any] = {"name": STATUS_NAME, "state": "running"}
        if change.ref:
            content["ref"] = change.ref.removeprefix("refs/heads/")
        if report:
            content["state"] = _STATES[report.verdict]
            content["description"] = report.sentence[:MAX_DESCRIPTION]
            content |= {"target_url": report.url} if report.url else {}
        path = f"/projects/{change.repository_id}/statuses/{change.commit}"
        return [Call("POST", path, content, settled=(400,))]

    def comment(self, change: Change, report: Report, settled: Settled) -> Call | None:
        """Return the request that writes the note, or changes it if there is one."""
        if not change.number:
            return None
        notes = f"/projects/{change.repository_id}/merge_requests/{change.number}/notes"
        content = {"body": report.markdown}
        if settled.comment:
            return Call("PUT", f"{notes}/{settled.comment}", content)
        return Call("POST", notes, content)

    def exception(self, request: ExceptionRequest, text: str) -> Call | None:
        """Return nothing: there is no button."""
        return None


def _push(delivery: str, found: _Push) -> Event:
    repository = repository_of(found.project.path_with_namespace)
    if not found.ref.startswith("refs/heads/"):
        return Ignored(delivery, "it is not a push to a branch", repository)
    if is_no_commit(found.after):
        return Ignored(delivery, "the branch was deleted", repository)
    return Change(
        delivery=delivery,
        kind="push",
        repository=repository,
        repository_id=found.project.id,
        commit=commit_of(found.after, "the commit"),
        base=base_of(found.before),
        base_branch=base_branch_of(found.before, found.ref, found.project.default_branch),
        ref=text_of(found.ref, "the ref"),
        actor=text_of(found.user_username, "the name of the user"),
        source_id=found.project.id,
    )


def _merge_request(delivery: str, found: _MergeRequestHook) -> Event:
    repository = repository_of(found.project.path_with_namespace)
    request = found.object_attributes
    if request.action not in MERGE_REQUEST_ACTIONS:
        return Ignored(delivery, f"the action {request.action[:40]!r} changes no file", repository)
    is_retargeted = "target_branch" in found.changes
    if request.action == "update" and not request.oldrev and not is_retargeted:
        return Ignored(delivery, "the update changes no file", repository)
    return Change(
        delivery=delivery,
        kind="pull-request",
        repository=repository,
        repository_id=found.project.id,
        commit=commit_of(request.last_commit.id, "the commit"),
        ref=text_of(f"refs/heads/{request.source_branch}", "the ref"),
        number=request.iid,
        actor=text_of(found.user.username, "the name of the user"),
        source_id=request.source_project_id,
        is_fork=request.source_project_id != request.target_project_id,
    )


def _opened(found: _OpenRequest) -> Change:
    """Return the head of an open merge request, as a delivery would report it."""
    head = commit_of(found.sha, "the head")
    return Change(
        delivery=f"merge-request-{found.project_id}-{found.iid}-{head}",
        kind="pull-request",
        repository=repository_of(found.references.full.partition("!")[0]),
        repository_id=found.project_id,
        commit=head,
        ref=text_of(f"refs/heads/{found.source_branch}", "the ref"),
        number=found.iid,
        actor=text_of(found.author.username, "the name of the user"),
        source_id=found.source_project_id,
        is_fork=found.source_project_id != found.project_id,
    )
