"""Serve the webhook with granian: a main process and workers, each with services of its own.

In: settings. Out: nothing, until SIGTERM or SIGINT: then requests under way are answered, pushes
that wait are judged for a while, and it returns. Errors: whatever `build` raises, before any worker
starts; ConfigError for an address that cannot be listened on.
"""

from __future__ import annotations

import functools
import multiprocessing.util
import os
import socket
from typing import Final

import structlog
from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from policyd.config import Settings, listen_address
from policyd.errors import ConfigError
from policyd.web.app import HOOKS, create_app
from policyd.web.logs import configure, granian_logging
from policyd.wiring import build

STOP_SECONDS: Final = 20
"""How long a worker may take to end before it is killed."""

log = structlog.get_logger("policyd.serve")


def serve(settings: Settings) -> None:
    """Serve until told to stop. `settings.audit` must name a log."""
    host, port = listen_address(settings)
    _check_address(host, port)
    configure(settings.log_format)
    _try_out(settings)
    if not settings.tokens:
        log.warning("no token is configured: whoever is on this machine may ask, for anything")
    Granian(
        "policyd",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=settings.workers,
        blocking_threads=settings.threads,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        websockets=False,
        log_dictconfig=granian_logging(settings.log_format),
    ).serve(target_loader=functools.partial(_load, settings), wrap_loader=False)


def _try_out(settings: Settings) -> None:
    """Build the services once, so that what is wrong is said here and no worker starts."""
    services = build(settings)
    try:
        create_app(services)
        services.audit.check_writable()
        log.info(
            "starting",
            listen=settings.listen,
            audit=services.audit.name,
            policy_set=services.policy_set.name,
            revision=services.policy_set.revision,
        )
    finally:
        services.close()


def _load(settings: Settings) -> Flask:
    """Return the application of one worker, whose services are its own and end with it."""
    _keep_environment_out_of_requests()
    configure(settings.log_format)
    services = build(settings)
    app = create_app(services)

    def close() -> None:
        app.extensions[HOOKS].close()
        services.close()
        log.info("closed", pid=os.getpid())

    # A worker ends as a process of multiprocessing does, which runs finalizers but not atexit.
    multiprocessing.util.Finalize(None, close, exitpriority=1)
    return app


def _keep_environment_out_of_requests() -> None:
    """Drop what would be a header of every request: granian adds the environment to each."""
    for name in list(os.environ):
        if name.startswith(("HTTP_", "CONTENT_")) and name != "HTTP_PROXY":
            del os.environ[name]


def _check_address(host: str, port: int) -> None:
    """Raise ConfigError when something else listens there: granian would share the port with it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(f"listen: {host}:{port} cannot be listened on: {reason}") from error
