"""Answer a review that a client repeats with the decision that was recorded for it.

In: a client, a review with an id of the client's, its project. Out: the recorded decision, or the
id under which a new one is recorded. The id of such a decision follows from client and uid, and the
audit log takes each id once: so all processes that share it agree. Errors: Conflict for the uid of
a review with other content.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import uuid
from collections.abc import Iterator
from typing import Final, NamedTuple

from policyd.audit.event import DecisionEvent, event_of, rfc3339
from policyd.audit.retention import LEAST_AGE
from policyd.audit.store import Store
from policyd.bundle import MemoryFiles
from policyd.deadline import remaining
from policyd.errors import Conflict, ContentRemoved, NotFound, ReviewTimeout
from policyd.model import Bundle, Decision, Review, to_json

KEPT_NANOSECONDS: Final = LEAST_AGE
"""How long a uid stands for its review. Later, it is that of a new one."""
MAX_PERIODS: Final = 1_000
"""How often a client may use a uid anew."""
_LOCKS: Final = 64
_LOCK_SECONDS: Final = 60.0
_NAMESPACE: Final = uuid.UUID("8a4a5a0e-7f0c-4ac2-9d8a-5d2b0f4a8f60")
"""An arbitrary constant, which keeps the ids apart from those of others (RFC 9562, 5.5)."""


class Identity(NamedTuple):
    """The id of a decision that is to be recorded, and the digest of the review's content."""

    decision_id: str
    content: str


class RepeatedReviews:
    """Finds the decisions on repeated reviews in an audit log. Threads may share it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    @contextlib.contextmanager
    def alone(self, client: str, uid: str) -> Iterator[None]:
        """Keep other threads from answering the same review at the same time.

        Raises ReviewTimeout.
        """
        lock = self._locks[hash((client, uid)) % _LOCKS]
        if not lock.acquire(timeout=remaining(_LOCK_SECONDS)):
            raise ReviewTimeout("the same review is being answered; try again later")
        try:
            yield
        finally:
            lock.release()

    def find(self, client: str, review: Review, bundle: Bundle) -> Decision | Identity:
        """Return the decision on `review` by `client` of the last day, or the id of a new one.

        Raises Conflict and AuditError.
        """
        content = _content(review, bundle)
        since = rfc3339(max(review.now - KEPT_NANOSECONDS, 0))
        for period in range(MAX_PERIODS):
            name = to_json([client, review.uid, period]).decode()
            decision_id = str(uuid.uuid5(_NAMESPACE, name))
            try:
                event = self._event(decision_id)
            except ContentRemoved:
                continue
            if event is None:
                return Identity(decision_id, content)
            if event.timestamp < since:
                continue
            if event.content != content:
                raise Conflict(
                    f"the uid {review.uid!r} is that of a review with another content, which was "
                    f"made on {event.timestamp}; use a new one"
                )
            return event.result
        raise Conflict(f"the uid {review.uid!r} was used too often; use a new one")

    def _event(self, decision_id: str) -> DecisionEvent | None:
        """Return the event of a decision, None if there is none. Raises ContentRemoved."""
        try:
            return event_of(self._store.decision(decision_id))
        except ContentRemoved:
            raise
        except NotFound:
            return None


def _content(review: Review, bundle: Bundle) -> str:
    """Return "sha256:…" over what the review asks and about which files."""
    assert isinstance(bundle.files, MemoryFiles)
    asked = (
        bundle.files.identity(),
        bundle.compose_files,
        bundle.env_files,
        bundle.project_name,
        sorted(bundle.environment.items()),
        sorted(bundle.image_configs.items()),
        bundle.missing,
        review.operation,
        review.dry_run,
        review.user_info,
        review.source,
        review.enforcement_point,
    )
    return f"sha256:{hashlib.sha256(to_json(asked)).hexdigest()}"
