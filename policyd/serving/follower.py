"""The rules of a worker: those that the main process has published last.

In: the folder where they are published, and what makes an Admission of a policy set. Out: Rules.
Every question looks whether there are newer ones, which costs one look at a file: so no review that
starts after a reload is judged by what was before, in whichever worker. Reviews under way end with
the rules that they began with, and the engine of these ends with the last of them.
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
    """Rules that follow what is published in a folder."""

    def __init__(
        self, folder: Path, admission_for: Callable[[PolicySet], Admission], keep: int = 1
    ) -> None:
        """Keep the last `keep` policy sets. Raises FileNotFoundError: one must be published."""
        self._folder = folder
        self._admission_by = admission_for
        self._keep = keep
        self._lock = threading.Lock()
        self._stamp = publication.stamp(folder)
        found = publication.read(folder)
        self._status = found.status
        self._admissions: tuple[Admission, ...] = (admission_for(found.policy_set),)

    def admissions(self) -> Sequence[Admission]:
        """Return that of the policy set in force, then those before it that are kept."""
        self._look()
        return self._admissions

    def status(self) -> LoadStatus:
        """Return how loading the policy set went."""
        self._look()
        return self._status

    def _look(self) -> None:
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
