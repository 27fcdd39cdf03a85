"""The rules of a worker: the policy set that the main process published last.

In: the folder of the publication, and a function that makes an Admission for a policy set. Out:
Rules. Every review first checks for a newer publication, which costs one `stat`. So in all workers,
a review that starts after a reload uses the new policy set. Reviews in progress finish with the
policy set that they started with; its engine is released after the last of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from policyd.admission import Admission
from policyd.policies.policy_set import PolicySet
from policyd.services import LoadStatus
from policyd.serving import publication

log = structlog.get_logger("policyd.rules")


class Follower:
    """Rules that follow the publications in a folder."""

    def __init__(
        self, folder: Path, admission_for: Callable[[PolicySet], Admission], keep: int = 1
    ) -> None:
        """Keep the last `keep` policy sets. Raises FileNotFoundError if nothing is published."""
        self._folder = folder
        self._admission_by = admission_for
        self._keep = keep
        self._lock = threading.Lock()
        self._stamp = publication.stamp(folder)
        found = publication.read(folder)
        self._status = found.status
        self._admissions: tuple[Admission, ...] = (admission_for(found.policy_set),)

    def admissions(self) -> Sequence[Admission]:
        """Return the Admission of the policy set in force, then those of the kept predecessors."""
        self._check()
        return self._admissions

    def status(self) -> LoadStatus:
        """Return the result of loading the policy set."""
        self._check()
        return self._status

    def _check(self) -> None:
        try:
            if publication.stamp(self._folder) == self._stamp:
                return
            with self._lock:
                self._follow()
        except FileNotFoundError:
            return

    def _follow(self) -> None:
        stamp = publication.stamp(self._folder)
        if stamp == self._stamp:
            return
        found = publication.read(self._folder)
        policy_set = found.policy_set
        if policy_set.revision != self._admissions[0].policy_set.revision:
            kept = self._admissions[: self._keep - 1]
            self._admissions = (self._admission_by(policy_set), *kept)
            log.info("policy set in force", name=policy_set.name, revision=policy_set.revision)
        self._status = found.status
        self._stamp = stamp
