"""The one place that picks implementations.

In: settings. Out: Services, what a command or the webhook works with. The audit log's module is
imported only when one is configured: it brings SQLAlchemy, and `check` starts faster without it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from policyd.admission import Admission
from policyd.config import Settings
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import ConfigError, PolicydError
from policyd.model import Bundle, Decision, Review
from policyd.policies import PolicySet, load_policy_set

if TYPE_CHECKING:
    from policyd.audit.store import Store


@dataclass(frozen=True)
class Services:
    """What judges and records in this process. Made by `build`; a fork needs its own.

    `clock` gives nanoseconds since the epoch.
    """

    settings: Settings
    policy_set: PolicySet
    admission: Admission
    store: Store | None
    clock: Callable[[], int] = time.time_ns

    @property
    def audit(self) -> Store:
        """The audit log. Raises ConfigError when none is configured."""
        if self.store is None:
            raise ConfigError("no audit log is configured: set audit to a path or a URL")
        return self.store

    def decide(
        self, bundle: Bundle, review: Review, *, requested_by: str = "", request_id: str = ""
    ) -> Decision:
        """Return the decision on `bundle`, which is on record then where a log is configured.

        Raises NoComposeFile and BundleError, for which there is no decision, and AuditError.
        """
        decision = self.admission.judge(bundle, review)
        return self._recorded(review, decision, bundle.files.names(), requested_by, request_id)

    def refuse(self, review: Review, error: PolicydError, *, request_id: str = "") -> Decision:
        """Return a denial, on record, for what could not be judged because of `error`.

        Raises AuditError.
        """
        return self._recorded(review, self.admission.refuse(review, error), (), "", request_id)

    def _recorded(
        self,
        review: Review,
        decision: Decision,
        files: Sequence[str],
        requested_by: str,
        request_id: str,
    ) -> Decision:
        if self.store is not None:
            self.store.append_decision(
                review, decision, files=files, requested_by=requested_by, request_id=request_id
            )
        return decision

    def close(self) -> None:
        """Stop the engine and close the log."""
        self.admission.engine.close()
        if self.store is not None:
            self.store.close()


def build(settings: Settings) -> Services:
    """Return the services that `settings` describe.

    Raises PolicySetError, EngineError and AuditError.
    """
    policy_set = load_policy_set(Path(settings.policy_set) if settings.policy_set else None)
    engine = EmbeddedEngine(policy_set.modules, policy_set.data, settings.review_timeout)
    store = None
    if settings.audit:
        from policyd.audit.store import open_store

        store = open_store(settings.audit)
    return Services(settings, policy_set, Admission(engine, policy_set), store)
