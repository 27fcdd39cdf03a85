"""Keep decisions, so that the same question about the same files need not be evaluated again.

In: a bundle and a review; the decision on them. Out: the decision, for a later review that asks the
same at a time at which the answer is the same. The key covers everything that a decision depends
on: the revision of the policy set (with its data and the inventory of hosts), the names and
contents of all files, the arguments and the environment of Compose, the configurations of images
that the caller hands over, and every field of the review but `uid` and `now`, and `commit` and
`ref` where no policy reads them. In doubt nothing is kept: for files in a folder, for a policy set
that reads `uid`, `now` or the input as a whole, for errors, and for large decisions.
"""

from __future__ import annotations

import hashlib
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from policyd.audit.moments import nanoseconds
from policyd.bundle import MemoryFiles
from policyd.model import Bundle, Decision, RecordedInput, Review, to_json
from policyd.policies.exceptions import DAY, PolicyException
from policyd.policies.policy_set import PolicySet
from policyd.policies.review_fields import reads, review_fields

MAX_DECISION: Final = 32 * 1024
"""Bytes of JSON of a decision that is kept. That of 8 services without violations has 1,000."""

KEPT_STATUSES: Final = (200, 403)
"""Status codes of decisions that are kept: those for which the policies were evaluated."""

_NEVER: Final = 2**63
_KEPT_POLICY_SETS: Final = 4


class Kept(msgspec.Struct, frozen=True):
    """A decision, its form for the audit log, the names of its files, and its recorded input.

    The input has no content: that is in the audit log. It all holds from `since` until before
    `until`. Times are in nanoseconds since the epoch.
    """

    decision: Decision
    recorded: Decision
    files: tuple[str, ...]
    recorded_input: RecordedInput | None
    since: int
    until: int

    def recorded_as(self, decision: Decision) -> Decision:
        """Return the form for the audit log of `decision`, which repeats this one."""
        return msgspec.structs.replace(
            self.recorded,
            uid=decision.uid,
            decision_id=decision.decision_id,
            bundle_digest=decision.bundle_digest,
        )


class DecisionCache:
    """Keeps the `size` decisions that were used last. Threads may share it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()
        self._policy_sets: OrderedDict[str, _PolicySet] = OrderedDict()

    def key(self, policy_set: PolicySet, bundle: Bundle, review: Review) -> bytes | None:
        """Return the key of the question whether `policy_set` allows `bundle`.

        Returns None when the answer must not be kept.
        """
        if not isinstance(bundle.files, MemoryFiles):
            return None
        about = (
            bundle.files.identity(),
            bundle.working_directory,
            bundle.compose_files,
            bundle.env_files,
            bundle.project_directory,
            bundle.project_name,
            bundle.profiles,
            bundle.missing,
            sorted(bundle.environment.items()),
            sorted(bundle.image_configs.items()),
        )
        return self.key_of(policy_set, about, review)

    def key_of(self, policy_set: PolicySet, about: object, review: Review) -> bytes | None:
        """Return the key of the question whether `policy_set` allows what `about` describes.

        `about` becomes JSON and has everything of the project that a decision depends on. Returns
        None when the answer must not be kept.
        """
        by = self._known(policy_set)
        if not by.is_repeatable:
            return None
        source = review.source
        asked = (
            policy_set.revision,
            policy_set.name,
            about,
            review.enforcement_point,
            review.operation,
            review.dry_run,
            review.user_info,
            source.repository,
            source.environment,
            source.host,
            source.commit if by.reads_commit else None,
            source.ref if by.reads_ref else None,
        )
        try:
            return hashlib.sha256(to_json(asked)).digest()
        except UnicodeEncodeError:  # a text that is no Unicode has no place in JSON
            return None

    def find(self, key: bytes, now: int) -> Kept | None:
        """Return what is kept for `key` and holds at the time `now`."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or not kept.since <= now < kept.until:
                return None
            self._kept.move_to_end(key)
            return kept

    def keep(
        self,
        key: bytes,
        policy_set: PolicySet,
        review: Review,
        decision: Decision,
        recorded: Decision,
        files: tuple[str, ...],
        recorded_input: RecordedInput | None = None,
    ) -> None:
        """Keep `decision` by `policy_set` on `review`, if it may be given again.

        `key` is that of the question to `policy_set`, `recorded` the decision without values of the
        project, `files` are the names of the files, `recorded_input` is the input that is recorded.
        """
        if decision.policy_set != policy_set.reference:
            return
        if any(one.expires for one in decision.grants) and self._known(policy_set).limits_leases:
            return  # a lease with a maximum begins anew with each decision
        if decision.status.code not in KEPT_STATUSES or len(to_json(decision)) > MAX_DECISION:
            return
        now = review.now
        until = min(
            self._known(policy_set).next_change(now),
            _next_day(decision, policy_set, now),
            _end_of_grants(decision),
        )
        noted = recorded_input and msgspec.structs.replace(recorded_input, content=b"")
        with self._lock:
            self._kept[key] = Kept(decision, recorded, files, noted, now, until)
            self._kept.move_to_end(key)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def _known(self, policy_set: PolicySet) -> _PolicySet:
        with self._lock:
            known = self._policy_sets.get(policy_set.revision)
            if known is None:
                known = self._policy_sets[policy_set.revision] = _PolicySet(policy_set)
                while len(self._policy_sets) > _KEPT_POLICY_SETS:
                    self._policy_sets.popitem(last=False)
            return known


class _PolicySet:
    """What of a policy set decides whether and how long its decisions hold."""

    def __init__(self, policy_set: PolicySet) -> None:
        fields = review_fields(policy_set.modules.values())
        self.is_repeatable = not (reads(fields, "uid") or reads(fields, "now"))
        self.reads_commit = reads(fields, "source.commit")
        self.reads_ref = reads(fields, "source.ref")
        self.limits_leases = any(one.max_lease for one in policy_set.constraints)
        self._changes = _changes(policy_set.exceptions)

    def next_change(self, now: int) -> int:
        """Return the next time after `now` at which an exception begins or expires."""
        place = bisect_right(self._changes, now)
        return self._changes[place] if place < len(self._changes) else _NEVER


def _changes(exceptions: Sequence[PolicyException]) -> list[int]:
    return sorted({moment for each in exceptions for moment in (each.starts, each.expires)})


def _end_of_grants(decision: Decision) -> int:
    """Return when the first grant of `decision` ends by itself."""
    return min((nanoseconds(one.expires) for one in decision.grants if one.expires), default=_NEVER)


def _next_day(decision: Decision, policy_set: PolicySet, now: int) -> int:
    """Return when the `days_left` of an exempted violation of `decision` change."""
    used = {one.exception for one in decision.exempted}
    if not used:
        return _NEVER
    expiring = (each.expires for each in policy_set.exceptions if each.name in used)
    return min(now + (expires - now) % DAY + 1 for expires in expiring)
