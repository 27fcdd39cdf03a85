"""The adapter of GitHub and GitHub Enterprise Server.

In: deliveries of a webhook or of a GitHub App. Out: events, and requests to the REST API. Pull
requests from forks are read through the repository that they are for. Source: GitHub, "Webhook
events and payloads", "REST API endpoints for check runs", "… for commit statuses", version
2022-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from policyd.errors import RequestError, Unauthorized
from policyd.forges.contract import (
    MAX_ANNOTATIONS,
    STATUS_NAME,
    Annotation,
    Call,
    Ends,
    Report,
    Settled,
    header,
    refuse_empty,
)
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

PULL_REQUEST_ACTIONS: Final = ("opened", "synchronize", "reopened", "ready_for_review")
"""The actions after which a pull request has a new head. `edited` counts if its base changed."""
REQUEST_EXCEPTION: Final = "request-exception"
"""The identifier of the button in a check run."""
MAX_TITLE: Final = 255
MAX_TEXT: Final = 65_535
MAX_DESCRIPTION: Final = 140
"""Characters that GitHub takes for the title and the texts of a check run, and for a status."""
_STATES: Final = {"allowed": "success", "denied": "failure", "error": "error"}
_CONCLUSIONS: Final = {"allowed": "success", "denied": "failure", "error": "failure"}


class _Repository(msgspec.Struct, frozen=True):
    id: int
    full_name: str
    default_branch: str = ""


class _User(msgspec.Struct, frozen=True):
    login: str = ""


class _Installation(msgspec.Struct, frozen=True):
    id: int = 0


class _Side(msgspec.Struct, frozen=True):
    sha: str
    ref: str = ""
    repo: _Repository | None = None


class _PullRequest(msgspec.Struct, frozen=True):
    number: int
    head: _Side
    base: _Side
    user: _User = _User()


class _CheckSuite(msgspec.Struct, frozen=True):
    head_sha: str
    head_branch: str | None = None
    before: str | None = None


class _CheckRun(msgspec.Struct, frozen=True):
    id: int
    name: str
    head_sha: str
    check_suite: _CheckSuite | None = None


class _Action(msgspec.Struct, frozen=True):
    identifier: str = ""


class _MergeGroup(msgspec.Struct, frozen=True):
    head_sha: str
    head_ref: str = ""
    base_sha: str = ""


class _Payload(msgspec.Struct, frozen=True):
    """The fields of all events that are read. A delivery has those of its event."""

    action: str = ""
    repository: _Repository | None = None
    sender: _User = _User()
    installation: _Installation = _Installation()
    ref: str = ""
    before: str = ""
    after: str = ""
    deleted: bool = False
    number: int = 0
    changes: dict[str, Any] = {}
    pull_request: _PullRequest | None = None
    check_suite: _CheckSuite | None = None
    check_run: _CheckRun | None = None
    requested_action: _Action = _Action()
    merge_group: _MergeGroup | None = None


class _Ends(msgspec.Struct, frozen=True):
    head: _Side
    base: _Side


class GitHub:
    """The adapter of GitHub. With `is_app`, verdicts are check runs; else commit statuses."""

    def verified(self, headers: Mapping[str, str], body: bytes, secret: bytes, now: int) -> bytes:
        """Return the JSON of a delivery signed in X-Hub-Signature-256. Raises Unauthorized.

        The signature covers the body as it was sent, also if it is a form.
        """
        refuse_empty(secret)
        scheme, _, signature = header(headers, "x-hub-signature-256").partition("=")
        if scheme != "sha256" or not holds_hex(secret, body, signature):
            raise Unauthorized("X-Hub-Signature-256 does not match the secret of this forge")
        return json_of(header(headers, "content-type"), body)

    def parse(self, headers: Mapping[str, str], payload: bytes) -> Event:
        """Return the event. Raises RequestError."""
        delivery = text_of(header(headers, "x-github-delivery"), "X-GitHub-Delivery")
        name = header(headers, "x-github-event")
        if not delivery:
            raise RequestError("the header X-GitHub-Delivery is missing")
        if name not in _EVENTS:
            return Ignored(delivery, f"the event {name[:40]!r} needs no review")
        try:
            found = msgspec.json.decode(payload, type=_Payload)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the delivery is not valid: {error}") from error
        if found.repository is None:
            raise RequestError("the delivery names no repository")
        return _EVENTS[name](_Delivery(delivery, found, found.repository))

    def archive(self, change: Change, commit: str) -> Call:
        """Return the request for an archive, which GitHub redirects."""
        return Call("GET", f"/repos/{change.repository}/tarball/{quote(commit, '')}")

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
        return Ends(commit_of(found.head.sha, "the head"), base_of(found.base.sha))

    def open_pull_requests(self, repository: str) -> Call:
        """Return the request for the newest open pull requests."""
        newest = "state=open&sort=updated&direction=desc&per_page=100"
        return Call("GET", f"/repos/{repository}/pulls?{newest}")

    def open_changes(self, answer: bytes) -> list[Change]:
        """Return the heads of open pull requests. Raises RequestError."""
        try:
            found = msgspec.json.decode(answer, type=list[_PullRequest])
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the answer on pull requests is not valid: {error}") from error
        return [_opened(one) for one in found]

    def status(self, change: Change, report: Report | None, *, is_app: bool) -> Sequence[Call]:
        """Return the request for a commit status, or those for a check run."""
        repository = f"/repos/{change.repository}"
        if is_app:
            return _check_run(repository, change, report)
        content: dict[str, Any] = {"context": STATUS_NAME, "state": "pending"}
        if report:
            content["state"] = _STATES[report.verdict]
            content["description"] = report.sentence[:MAX_DESCRIPTION]
            content |= {"target_url": report.url} if report.url else {}
        return [Call("POST", f"{repository}/statuses/{change.commit}", content)]

    def comment(self, change: Change, report: Report, settled: Settled) -> Call | None:
        """Return nothing: the check run has the texts."""
        return None

    def exception(self, request: ExceptionRequest, text: str) -> Call | None:
        """Return the request that adds the document to the check run."""
        output = {"title": "Request an exception", "summary": text[:MAX_TEXT]}
        path = f"/repos/{request.repository}/check-runs/{request.check_run}"
        return Call("PATCH", path, {"output": output})


class _Delivery(msgspec.Struct, frozen=True):
    """A delivery with its id, its fields and its repository."""

    id: str
    fields: _Payload
    repository: _Repository

    @property
    def name(self) -> str:
        return repository_of(self.repository.full_name)

    @property
    def actor(self) -> str:
        return text_of(self.fields.sender.login, "the name of the sender")

    def change(self, commit: str, base: str, ref: str) -> Change:
        """Return the change of a branch to `commit`."""
        return Change(
            delivery=self.id,
            kind="push",
            repository=self.name,
            repository_id=self.repository.id,
            commit=commit_of(commit, "the commit"),
            base=base_of(base),
            ref=text_of(ref, "the ref"),
            actor=self.actor,
            source_id=self.repository.id,
            installation=self.fields.installation.id,
        )

    def ignored(self, reason: str) -> Ignored:
        return Ignored(self.id, reason, self.name)


def _push(delivery: _Delivery) -> Event:
    fields = delivery.fields
    if not fields.ref.startswith("refs/heads/"):
        return delivery.ignored("it is not a push to a branch")
    if fields.deleted or is_no_commit(fields.after):
        return delivery.ignored("the branch was deleted")
    default = delivery.repository.default_branch
    return msgspec.structs.replace(
        delivery.change(fields.after, fields.before, fields.ref),
        base_branch=base_branch_of(fields.before, fields.ref, default),
    )


def _pull_request(delivery: _Delivery) -> Event:
    fields = delivery.fields
    found = fields.pull_request
    if found is None:
        raise RequestError("the delivery names no pull request")
    is_new = fields.action in PULL_REQUEST_ACTIONS
    if not is_new and not (fields.action == "edited" and "base" in fields.changes):
        return delivery.ignored(f"the action {fields.action[:40]!r} changes no file")
    changed = delivery.change(found.head.sha, found.base.sha, f"refs/heads/{found.head.ref}")
    source = found.head.repo
    return msgspec.structs.replace(
        changed,
        kind="pull-request",
        number=found.number,
        is_fork=source is None or source.id != delivery.repository.id,
    )


def _check_suite(delivery: _Delivery) -> Event:
    suite = delivery.fields.check_suite
    if suite is None:
        raise RequestError("the delivery names no check suite")
    if delivery.fields.action != "rerequested":
        return delivery.ignored("the push that it belongs to is reviewed")
    return delivery.change(suite.head_sha, suite.before or "", _branch(suite.head_branch))


def _check_run_event(delivery: _Delivery) -> Event:
    run = delivery.fields.check_run
    if run is None:
        raise RequestError("the delivery names no check run")
    if run.name != STATUS_NAME:
        return delivery.ignored("the check run is not that of policyd")
    action = delivery.fields.action
    if action == "rerequested":
        suite = run.check_suite or _CheckSuite(run.head_sha)
        return delivery.change(run.head_sha, suite.before or "", _branch(suite.head_branch))
    if action != "requested_action":
        return delivery.ignored("it reports what policyd did itself")
    if delivery.fields.requested_action.identifier != REQUEST_EXCEPTION:
        return delivery.ignored("the button is not that of policyd")
    return ExceptionRequest(
        delivery=delivery.id,
        repository=delivery.name,
        repository_id=delivery.repository.id,
        commit=commit_of(run.head_sha, "the commit"),
        check_run=run.id,
        actor=delivery.actor,
        installation=delivery.fields.installation.id,
    )


def _merge_group(delivery: _Delivery) -> Event:
    group = delivery.fields.merge_group
    if group is None:
        raise RequestError("the delivery names no merge group")
    if delivery.fields.action != "checks_requested":
        return delivery.ignored("the merge group is gone")
    return delivery.change(group.head_sha, group.base_sha, group.head_ref)


_EVENTS: Final = {
    "push": _push,
    "pull_request": _pull_request,
    "check_suite": _check_suite,
    "check_run": _check_run_event,
    "merge_group": _merge_group,
}


def _branch(name: str | None) -> str:
    return f"refs/heads/{name}" if name else ""


def _check_run(repository: str, change: Change, report: Report | None) -> list[Call]:
    content: dict[str, Any] = {"name": STATUS_NAME, "head_sha": change.commit}
    path = f"{repository}/check-runs"
    if report is None:
        return [Call("POST", path, content | {"status": "in_progress"})]
    output = {"title": report.sentence[:MAX_TITLE], "summary": report.markdown[:MAX_TEXT]}
    shown = [_annotation(one) for one in report.annotations]
    first = {
        **content,
        "status": "completed",
        "conclusion": _CONCLUSIONS[report.verdict],
        "output": output | {"annotations": shown[:MAX_ANNOTATIONS]},
    }
    if report.url:
        first["details_url"] = report.url
    if report.verdict == "denied":
        first["actions"] = [
            {
                "label": "Request exception",
                "description": "Shows the document for the policy set",
                "identifier": REQUEST_EXCEPTION,
            }
        ]
    later = [
        Call(
            "PATCH",
            f"{path}/{{id}}",
            {"output": output | {"annotations": shown[start : start + MAX_ANNOTATIONS]}},
        )
        for start in range(MAX_ANNOTATIONS, len(shown), MAX_ANNOTATIONS)
    ]
    return [Call("POST", path, first), *later]


def _annotation(one: Annotation) -> dict[str, Any]:
    return {
        "path": one.file,
        "start_line": max(one.line, 1),
        "end_line": max(one.line, 1),
        "annotation_level": one.level,
        "title": one.title[:MAX_TITLE],
        "message": one.message,
    }


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
        base=base_of(found.base.sha),
        ref=text_of(f"refs/heads/{found.head.ref}", "the ref"),
        number=found.number,
        actor=text_of(found.user.login, "the name of the user"),
        source_id=target.id,
        is_fork=source is None or source.id != target.id,
    )
