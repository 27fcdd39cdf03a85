"""The adapter of Gitea and Forgejo.

In: deliveries. Out: events, and requests to the API, version 1. Subscribing to pull requests also
brings reviews and comments, which are ignored. Without a secret the headers of the signature are
there and empty, and a form is signed by its JSON. Source: Gitea 1.26, services/webhook/deliver.go,
modules/webhook/type.go, routers/api/v1.
"""

from __future__ import annotations

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
from policyd.forges.signatures import holds_hex, json_of

PULL_REQUEST_ACTIONS: Final = ("opened", "synchronized", "reopened", "edited")
MAX_DESCRIPTION: Final = 255
_STATES: Final = {"allowed": "success", "denied": "failure", "error": "error"}


class _Repository(msgspec.Struct, frozen=True):
    id: int
    full_name: str
    default_branch: str = ""


class _User(msgspec.Struct, frozen=True):
    login: str = ""


class _Side(msgspec.Struct, frozen=True):
    sha: str
    ref: str = ""
    repo: _Repository | None = None


class _Ends(msgspec.Struct, frozen=True):
    head: _Side
    base: _Side
    merge_base: str = ""

    @property
    def start(self) -> str:
        """The commit that the branch was made from, else the present end of the target branch."""
        return base_of(self.merge_base) or base_of(self.base.sha)


class _PullRequest(_Ends, frozen=True, kw_only=True):
    number: int
    user: _User = _User()


class _Payload(msgspec.Struct, frozen=True):
    repository: _Repository
    sender: _User = _User()
    action: str = ""
    ref: str = ""
    before: str = ""
    after: str = ""
    pull_request: _PullRequest | None = None


class Gitea:
    """The adapter of Gitea and Forgejo: a commit status, and one comment on a pull request."""

    def verified(self, headers: Mapping[str, str], body: bytes, secret: bytes, now: int) -> bytes:
        """Return the JSON of a delivery signed in X-Gitea-Signature or X-Forgejo-Signature.

        Raises Unauthorized.
        """
        refuse_empty(secret)
        payload = json_of(header(headers, "content-type"), body)
        signature = header(headers, "x-gitea-signature") or header(headers, "x-forgejo-signature")
        if not holds_hex(secret, payload, signature):
            raise Unauthorized("X-Gitea-Signature does not match the secret of this forge")
        return payload

    def parse(self, headers: Mapping[str, str], payload: bytes) -> Event:
        """Return the event. Raises RequestError."""
        delivery, name = (
            header(headers, f"x-gitea-{part}") or header(headers, f"x-forgejo-{part}")
            for part in ("delivery", "event-type")
        )
        if not text_of(delivery, "the id of the delivery"):
            raise RequestError("the header X-Gitea-Delivery is missing")
        if name not in ("push", "pull_request", "pull_request_sync"):
            return Ignored(delivery, f"the event {name[:40]!r} needs no review")
        try:
            found = msgspec.json.decode(payload, type=_Payload)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the delivery is not valid: {error}") from error
        if name == "push":
            return _push(delivery, found)
        return _pull_request(delivery, found)

    def archive(self, change: Change, commit: str) -> Call:
        """Return the request for an archive. Gitea answers 500 for a commit that is gone."""
        return Call("GET", f"/repos/{change.repository}/archive/{quote(commit, '')}.tar.gz")

    def pull_request(self, change: Change) -> Call | None:
        """Return the request for the pull request."""
        if not change.number:
            return None
        return Call("GET", f"/repos/{change.repository}/pulls/{change.number}")

    def ends(self, answer: bytes) -> Ends:
        """Return the head and the base of a pull request. Raises RequestError."""
        try:
            found = msgspec.json.decode(answer, type=_Ends)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the answer on a pull request is not valid: {error}") from error
        return Ends(commit_of(found.head.sha, "the head"), found.start)

    def open_pull_requests(self, repository: str) -> Call:
        """Return the request for the newest open pull requests."""
        return Call("GET", f"/repos/{repository}/pulls?state=open&sort=recentupdate&limit=50")

    def open_changes(self, answer: bytes) -> list[Change]:
        """Return the heads of open pull requests. Raises RequestError."""
        try:
            found = msgspec.json.decode(answer, type=list[_PullRequest])
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the answer on pull requests is not valid: {error}") from error
        return [_opened(one) for one in found]

    def status(self, change: Change, report: Report | None, *, is_app: bool) -> Sequence[Call]:
        """Return the request for the commit status."""
        content: dict[str, Any] = {"context": STATUS_NAME, "state": "pending"}
        if report:
            content["state"] = _STATES[report.verdict]
            content["description"] = report.sentence[:MAX_DESCRIPTION]
            content |= {"target_url": report.url} if report.url else {}
        return [Call("POST", f"/repos/{change.repository}/statuses/{change.commit}", content)]

    def comment(self, change: Change, report: Report, settled: Settled) -> Call | None:
        """Return the request that writes the comment, or changes it if there is one."""
        if not change.number:
            return None
        issues = f"/repos/{change.repository}/issues"
        content = {"body": report.markdown}
        if settled.comment:
            return Call("PATCH", f"{issues}/comments/{settled.comment}", content)
        return Call("POST", f"{issues}/{change.number}/comments", content)

    def exception(self, request: ExceptionRequest, text: str) -> Call | None:
        """Return nothing: there is no button."""
        return None


def _push(delivery: str, found: _Payload) -> Event:
    repository = repository_of(found.repository.full_name)
    if not found.ref.startswith("refs/heads/"):
        return Ignored(delivery, "it is not a push to a branch", repository)
    if is_no_commit(found.after):
        return Ignored(delivery, "the branch was deleted", repository)
    return Change(
        delivery=delivery,
        kind="push",
        repository=repository,
        repository_id=found.repository.id,
        commit=commit_of(found.after, "the commit"),
        base=base_of(found.before),
        base_branch=base_branch_of(found.before, found.ref, found.repository.default_branch),
        ref=text_of(found.ref, "the ref"),
        actor=text_of(found.sender.login, "the name of the sender"),
        source_id=found.repository.id,
    )


def _pull_request(delivery: str, found: _Payload) -> Event:
    repository = repository_of(found.repository.full_name)
    request = found.pull_request
    if request is None:
        raise RequestError("the delivery names no pull request")
    if found.action not in PULL_REQUEST_ACTIONS:
        return Ignored(delivery, f"the action {found.action[:40]!r} changes no file", repository)
    source = request.head.repo
    return Change(
        delivery=delivery,
        kind="pull-request",
        repository=repository,
        repository_id=found.repository.id,
        commit=commit_of(request.head.sha, "the commit"),
        base=request.start,
        ref=text_of(f"refs/heads/{request.head.ref}", "the ref"),
        number=request.number,
        actor=text_of(found.sender.login, "the name of the sender"),
        source_id=source.id if source else found.repository.id,
        is_fork=source is None or source.id != found.repository.id,
    )


def _opened(found: _PullRequest) -> Change:
    """Return the head of an open pull request, as a delivery would report it."""
    target = found.base.repo
    if target is None:
        raise RequestError("a pull request names no repository")
    source = found.head.repo
    head = commit_of(found.head.sha, "the head")
    return Change(
        delivery=f"pull-request-{target.id}-{found.number}-{head}",
        kind="pull-request",
        repository=repository_of(target.full_name),
        repository_id=target.id,
        commit=head,
        base=found.start,
        ref=text_of(f"refs/heads/{found.head.ref}", "the ref"),
        number=found.number,
        actor=text_of(found.user.login, "the name of the user"),
        source_id=source.id if source else target.id,
        is_fork=source is None or source.id != target.id,
    )
