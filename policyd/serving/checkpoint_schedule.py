"""Publish checkpoints of the audit log while the server runs, and when it stops.

In: the settings in force. Out: checkpoints at the places that they name. One thread of the main
process does it: no review waits for it. Failures are logged and counted, and tried again with the
next checkpoint. The audit log is open only for moments in which the process does not fork.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from policyd.audit.store import Store, open_store
from policyd.bootstrap import checkpoint_targets
from policyd.config import Settings
from policyd.errors import PolicydError
from policyd.metrics import CheckpointMetrics

if TYPE_CHECKING:  # the module needs the package cryptography, which is optional
    from policyd.audit.checkpoint_publication import Publisher

REQUEST_SECONDS: Final = 10.0
"""How long a target may take."""
LAST_SECONDS: Final = 3.0
"""How long a target may take while the server stops."""
IDLE_SECONDS: Final = 60.0
"""How often the settings are looked at if they have no checkpoints published."""

log = structlog.get_logger("policyd.checkpoints")

Found = TypeVar("Found")


class CheckpointSchedule:
    """Publishes at the interval of the settings, from `start` to `stop`."""

    def __init__(
        self, settings: Callable[[], Settings], clock: Callable[[], int] = time.time_ns
    ) -> None:
        """`settings` returns those in force; `clock` gives nanoseconds since the epoch."""
        self._settings = settings
        self._clock = clock
        self._metrics = CheckpointMetrics()
        self._no_fork = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="policyd-checkpoints", daemon=True)
        self._publisher: Publisher | None = None

    def start(self) -> None:
        """Start the thread. A fork waits for moments in which the audit log is open."""
        os.register_at_fork(
            before=self._no_fork.acquire,
            after_in_parent=self._no_fork.release,
            after_in_child=self._no_fork.release,
        )
        self._thread.start()

    def stop(self) -> None:
        """Publish the last checkpoint, and return within some seconds."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(REQUEST_SECONDS)
        self.publish(LAST_SECONDS)

    def publish(self, seconds: float) -> None:
        """Publish a checkpoint if the settings say so; each target may take `seconds`."""
        settings = self._settings()
        if not (settings.audit_key_file and settings.checkpoint_interval):
            return
        # Imported here because it needs the package cryptography, which is optional.
        from policyd.audit.checkpoint_publication import Publisher
        from policyd.audit.checkpoints import load_signer

        self._publisher = self._publisher or Publisher(self._with_store, self._clock)
        try:
            signer = load_signer(settings.audit_key_file, settings.audit_origin)
            targets = checkpoint_targets(settings)
            published = self._publisher.publish(signer, targets, seconds)
        except PolicydError as error:
            log.error("checkpoint not published", reason=str(error))
            self._metrics.delivered("", accepted=False)
            return
        size = published.signed.checkpoint.size
        for target, problem, _ in published.outcomes:
            self._metrics.delivered(target, accepted=not problem)
            if problem:
                log.error("checkpoint not delivered", target=target, events=size, reason=problem)
            else:
                log.info("checkpoint delivered", target=target, events=size)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self.publish(REQUEST_SECONDS)
            self._stopped.wait(self._settings().checkpoint_interval or IDLE_SECONDS)

    def _with_store(self, use: Callable[[Store], Found]) -> Found:
        with self._no_fork:
            store = open_store(self._settings().audit)
            try:
                return use(store)
            finally:
                store.close()
