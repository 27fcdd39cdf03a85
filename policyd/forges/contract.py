"""The contract of the adapters, and what they exchange with the rest.

In: the headers and the body of a delivery, and reports. Out: events, and requests to the API of the
forge as values. An adapter opens no socket and reads no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgspec

from policyd.errors import Unauthorized
from policyd.forges.events import Change, Event, ExceptionRequest

STATUS_NAME: Final = "policyd"
"""The name of the commit status and of the check run. A rule of the forge can require it."""

MAX_ANNOTATIONS: Final = 50
"""Annotations that GitHub takes in one request."""

Verdict = Literal["allowed", "denied", "error"]


class Call(msgspec.Struct, frozen=True):
    """A request to the API of a forge: `path` is below the configured URL.

    `content` is sent as JSON, nothing if it is None. `done` are the statuses of success; those of
    `settled` also mean that there is nothing left to do.
    """

    method: Literal["GET", "POST", "PATCH", "PUT"]
    path: str
    content: dict[str, Any] | None = None
    done: tuple[int, ...] = (200, 201)
    settled: tuple[int, ...] = ()


class Annotation(msgspec.Struct, frozen=True):
    """A violation at a line of a file, relative to the root of the repository."""

    file: str
    line: int
    level: Literal["failure", "warning", "notice"]
    title: str
    message: str


class Report(msgspec.Struct, frozen=True):
    """What is told about a commit. The texts are Markdown that no forge reads anything else into.

    `sentence` is the verdict in one line of plain text. `url` leads to the decision, "" for none.
    """

    verdict: Verdict
    sentence: str
    markdown: str
    annotations: tuple[Annotation, ...] = ()
    url: str = ""


class Ends(msgspec.Struct, frozen=True):
    """The commits at the ends of a pull request: its head, and its base, "" if that is unknown."""

    head: str
    base: str = ""


class Settled(msgspec.Struct, frozen=True):
    """What earlier reports left at the forge: the id of the comment on the pull request."""

    comment: int = 0


class Forge(Protocol):
    """The adapter of one kind of forge."""

    def verified(self, headers: Mapping[str, str], body: bytes, secret: bytes, now: int) -> bytes:
        """Return the JSON of a delivery that was signed with `secret`.

        `headers` have lower-case names, `now` is in seconds since the epoch. Raises Unauthorized.
        """

    def parse(self, headers: Mapping[str, str], payload: bytes) -> Event:
        """Return the event of a verified delivery. Raises RequestError."""

    def archive(self, change: Change, commit: str) -> Call:
        """Return the request for the files of `commit` as a tar.gz archive."""

    def pull_request(self, change: Change) -> Call | None:
        """Return the request for the present state of the pull request, None for a push."""

    def ends(self, answer: bytes) -> Ends:
        """Return the commits in the answer to `pull_request`. Raises RequestError."""

    def open_pull_requests(self, repository: str) -> Call:
        """Return the request for the open pull requests of `repository`, the newest first."""

    def open_changes(self, answer: bytes) -> list[Change]:
        """Return the changes in the answer to `open_pull_requests`. Raises RequestError."""

    def status(self, change: Change, report: Report | None, *, is_app: bool) -> Sequence[Call]:
        """Return the requests that show `report` on the commit; None: the review has begun."""

    def comment(self, change: Change, report: Report, settled: Settled) -> Call | None:
        """Return the request for the comment on the pull request, None where there is none."""

    def exception(self, request: ExceptionRequest, text: str) -> Call | None:
        """Return the request that answers a click on "Request exception" with `text`."""


def refuse_empty(secret: bytes) -> None:
    """Raise Unauthorized for an empty secret, with which anybody could sign."""
    if not secret:
        raise Unauthorized("no secret is configured for this forge, so no delivery is accepted")


def header(headers: Mapping[str, str], name: str) -> str:
    """Return the header `name`, "" if it is missing."""
    return headers.get(name, "")
