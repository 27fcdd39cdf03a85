"""What earlier reviews say about a commit, which has one status for all pushes and pull requests.

A push and the pull requests of one commit are compared with different bases, and may be reviewed in
any order. Without this, a push that touches no project would replace the verdict on the pull
request, which denies one. In: the decision log, and the stored pushes. Out: the projects that
remain denied, and pull requests that nobody reviewed. Errors: AuditError.
"""

from __future__ import annotations

from typing import Final

import msgspec

from policyd.audit.event import event_of
from policyd.audit.pushes import Pushes
from policyd.audit.store import Store
from policyd.forges.events import Change
from policyd.forges.projects import MAX_PROJECTS
from policyd.hooks.events import PushRecord

_MAX_DECISIONS: Final = 4 * MAX_PROJECTS


class _Detail(msgspec.Struct, frozen=True):
    number: int = 0


def number_of(record: PushRecord) -> int:
    """Return the number of the pull request that an event of a forge is about, 0 for none."""
    return msgspec.json.decode(record.detail or "{}", type=_Detail).number


class EarlierReviews:
    """The reviews of the forge whose pushes are stored as those to `source`."""

    def __init__(self, audit: Store, source: str, prefix: str) -> None:
        """`prefix` precedes the names of repositories in reviews."""
        self._audit = audit
        self._pushes = Pushes(audit)
        self._source = source
        self._prefix = prefix

    def denied(self, change: Change) -> dict[str, str]:
        """Return the digests of projects that were denied before, with the ids of the decisions.

        These are those of the commit. For a push they are also those of the commit before, unless
        a pull request with the commit was reviewed: then its verdict counts.
        """
        commits = [change.commit]
        reviewed = any(one.state == "done" for one in self._pull_requests(change))
        if change.kind == "push" and change.base and not reviewed:
            commits.append(change.base)
        found: dict[str, str] = {}
        for commit in commits:
            records = self._audit.decisions(
                _MAX_DECISIONS,
                repository=self._prefix + change.repository,
                commit=commit,
                enforcement_point="forge",
                allowed=False,
            )
            for event in map(event_of, records):
                found.setdefault(event.input.project.digest, event.decision_id)
        return found

    def failed(self, change: Change) -> list[PushRecord]:
        """Return the other pull requests with the commit whose review failed."""
        return [one for one in self._pull_requests(change) if one.state == "failed"]

    def _pull_requests(self, change: Change) -> list[PushRecord]:
        """Return the last event of each other pull request whose head is the commit."""
        found: dict[int, PushRecord] = {}
        for record in self._pushes.of_digests(self._source, [change.commit]):
            number = number_of(record)
            if number and number != change.number:
                found.setdefault(number, record)
        return list(found.values())
