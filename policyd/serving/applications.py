"""The application of one worker, which is built anew whenever the settings change.

In: the folder with the published settings, and a function that builds an application. Out: a WSGI
application. Every request first checks for newer settings, which costs one `stat`. So in all
workers, a request that starts after a reload is answered with the new settings. Requests in
progress end with the settings that they started with.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import structlog
from flask import Flask

from policyd.config import Settings
from policyd.errors import PolicydError
from policyd.services import Services
from policyd.serving import settings_reload
from policyd.serving.deferred_recording import DeferredRecording
from policyd.web.app import create_app
from policyd.web.forge_deliveries import FORGE_REVIEWS
from policyd.web.registry_notifications import PUSH_REVIEWS

QUEUES: Final = (PUSH_REVIEWS, FORGE_REVIEWS)
"""The keys in `Flask.extensions` of what reviews pushes in the background."""

log = structlog.get_logger("policyd.settings")


class Applications:
    """Answers requests with the application of the settings in force."""

    def __init__(self, folder: Path, services_for: Callable[[Settings], Services]) -> None:
        """Build the application. Raises ConfigError, AuditError and FileNotFoundError."""
        self._folder = folder
        self._services_for = services_for
        self._lock = threading.Lock()
        self._stamp = settings_reload.stamp(folder)
        self._current = _Running(services_for(settings_reload.read(folder)))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        running = self._taken()
        try:
            return running.app(environ, start_response)
        finally:
            self._give_back(running)

    def close(self) -> None:
        """Finish running reviews of pushes within a limited time, and close the audit log."""
        self._current.close()

    def _taken(self) -> _Running:
        with self._lock:
            self._follow()
            self._current.requests += 1
            return self._current

    def _give_back(self, running: _Running) -> None:
        with self._lock:
            running.requests -= 1
            is_over = running is not self._current and not running.requests
        if is_over:
            running.close()

    def _follow(self) -> None:
        try:
            stamp = settings_reload.stamp(self._folder)
            if stamp == self._stamp:
                return
            self._stamp = stamp
            settings = settings_reload.read(self._folder)
        except FileNotFoundError:
            return
        if settings == self._current.settings:
            return
        try:
            following = _Running(self._services_for(settings))
        except PolicydError as error:
            log.error("settings refused by a worker", pid=os.getpid(), reason=str(error))
            return
        before, self._current = self._current, following
        log.info("settings in force", pid=os.getpid())
        if not before.requests:
            threading.Thread(target=before.close, name="policyd-close", daemon=True).start()


class _Running:
    """An application and its services; `requests` counts those that it answers now."""

    def __init__(self, services: Services) -> None:
        self.settings = services.settings
        self.requests = 0
        self._services = services
        self.app: Flask = create_app(services)
        for queues in QUEUES:
            self.app.extensions[queues].start()
        self._deferred = DeferredRecording(services)
        self._deferred.start()

    def close(self) -> None:
        self._deferred.close()
        for queues in QUEUES:
            self.app.extensions[queues].close()
        self._services.close()
