"""Record in the audit log what happens to the service itself.

In: the start and the end of the service, the policy sets and the settings put in force. Out: events
in the audit log. The whole text of a policy set is stored once, by its digest, so that it can be
read later which rule was in force. An audit log that cannot be written delays none of this: the log
says so, and decisions are refused anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog

import policyd
from policyd.audit.log_event import EventKind, log_event_of
from policyd.audit.store import Store, open_store
from policyd.errors import AuditError
from policyd.policies.policy_set import PolicySet
from policyd.policies.recorded_policy_set import content_of

log = structlog.get_logger("policyd.service")


class ServiceEvents:
    """Records the events of one server, which forks: no connection outlives a call."""

    def __init__(self, audit: str, clock: Callable[[], int] = time.time_ns) -> None:
        """`audit` is the path or the URL of the audit log."""
        self._audit = audit
        self._clock = clock

    def started(self, policy_set: PolicySet) -> None:
        """Record that the service starts with `policy_set`."""
        self._append("start", {"version": policyd.__version__, "revision": policy_set.revision})
        self.put_in_force(policy_set)

    def stopped(self) -> None:
        """Record that the service ends."""
        self._append("stop", {"version": policyd.__version__})

    def changed_settings(self, names: Sequence[str]) -> None:
        """Record which settings changed, by name only: values may be secrets."""
        self._append("settings", {"changed": list(names)})

    def put_in_force(self, policy_set: PolicySet) -> None:
        """Record `policy_set` with its text, unless the last one recorded is the same."""

        def record(store: Store) -> None:
            last = store.events(1, kinds=("policy-set",))
            if last and log_event_of(last[0]).details["revision"] == policy_set.revision:
                return
            details = {
                "name": policy_set.name,
                "revision": policy_set.revision,
                "document": store.keep_document(content_of(policy_set)),
            }
            store.append_event("policy-set", details, now=self._clock())

        self._with_store(record)

    def _append(self, kind: EventKind, details: dict[str, Any]) -> None:
        self._with_store(lambda store: store.append_event(kind, details, now=self._clock()))

    def _with_store(self, record: Callable[[Store], object]) -> None:
        try:
            store = open_store(self._audit)
            try:
                record(store)
            finally:
                store.close()
        except AuditError as error:
            log.error("event not recorded", reason=str(error))
