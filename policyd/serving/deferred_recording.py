"""Record deferred decisions as soon as the audit log can be written again.

In: the services of a worker. Out: nothing. A thread looks once a second whether decisions wait.
"""

from __future__ import annotations

import threading
from typing import Final

import structlog

from policyd.errors import AuditError
from policyd.services import Services

LOOK_SECONDS: Final = 1.0
"""How often a worker looks for deferred decisions, which reads one folder."""

log = structlog.get_logger("policyd.deferred")


class DeferredRecording:
    """Records the deferred decisions of `services` until it is closed."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._is_failing = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="policyd-deferred", daemon=True)

    def start(self) -> None:
        """Start the thread, if decisions can be deferred."""
        if self._services.deferred is not None:
            self._thread.start()

    def close(self) -> None:
        """End the thread after the decision that it records."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def record(self) -> None:
        """Record what waits. A log that cannot be written is reported once."""
        deferred = self._services.deferred
        if deferred is None:
            return
        try:
            number = deferred.record(self._services.audit)
        except (AuditError, OSError) as error:
            if not self._is_failing:
                log.error("deferred decisions not recorded", reason=str(error))
            self._is_failing = True
            return
        self._is_failing = False
        if number:
            log.info("deferred decisions recorded", number=number)

    def _run(self) -> None:
        while not self._end.wait(LOOK_SECONDS):
            self.record()
