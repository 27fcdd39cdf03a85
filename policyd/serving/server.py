"""Serve the webhook with granian: a main process and workers, each with services of its own.

In: settings. Out: nothing, until SIGTERM or SIGINT: then requests under way are answered, pushes
that wait are judged for a while, and it returns. The main process loads the policy set, also at
SIGHUP, and the workers follow; a worker that is stuck is ended and replaced. Errors: whatever
`build` raises, before any worker starts; ConfigError for an address that cannot be listened on.
"""

from __future__ import annotations

import fcntl
import functools
import multiprocessing.util
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
from flask import Flask
from granian import Granian
from granian.constants import Interfaces

from policyd.bootstrap import admission_for, build
from policyd.config import Settings, listen_address
from policyd.engines import ENGINES
from policyd.errors import ConfigError
from policyd.logs import configure, granian_logging
from policyd.metrics import FOLDER_VARIABLE
from policyd.services import Services
from policyd.serving import watchdog
from policyd.serving.follower import Follower
from policyd.serving.reloader import Reloader
from policyd.web.app import create_app
from policyd.web.registry_notifications import PUSH_REVIEWS

STOP_SECONDS: Final = 20
"""How long a worker may take to end before it is killed."""

log = structlog.get_logger("policyd.serve")


def serve(settings: Settings) -> None:
    """Serve until told to stop. `settings.audit` must name a log."""
    host, port = listen_address(settings)
    _check_address(host, port)
    configure(settings.log_format)
    with _folder() as folder:
        reloader = Reloader(settings, folder)
        _try_out(settings, folder)
        if not settings.tokens:
            log.warning("no token is configured: whoever is on this machine may ask, for anything")
        server = Granian(
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
        )
        server.on_startup(functools.partial(_start_reloading, reloader))
        server.serve(target_loader=functools.partial(_load, settings, folder), wrap_loader=False)


@contextmanager
def _folder() -> Iterator[Path]:
    """Yield a folder of the server's own, where processes meet. Raises ConfigError."""
    try:
        own = tempfile.TemporaryDirectory(prefix="policyd-")
    except OSError as error:
        raise ConfigError(f"no temporary folder can be made: {error}") from error
    with own as name:
        # What cleans up temporary folders leaves alone those that are locked.
        descriptor = os.open(name, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.environ[FOLDER_VARIABLE] = name
        try:
            yield Path(name)
        finally:
            del os.environ[FOLDER_VARIABLE]
            os.close(descriptor)


def _start_reloading(reloader: Reloader) -> None:
    """Have SIGHUP reload the policy set; granian would replace its workers one by one."""
    signal.signal(signal.SIGHUP, lambda *_: reloader.wake())
    reloader.start()


def _services(settings: Settings, folder: Path) -> Services:
    make = functools.partial(admission_for, settings=settings)
    return build(settings, Follower(folder, make, ENGINES[settings.engine].kept_policy_sets))


def _try_out(settings: Settings, folder: Path) -> None:
    """Build the services once, so that what is wrong is said here and no worker starts."""
    services = _services(settings, folder)
    try:
        services.audit.check_writable()
        create_app(services)
        log.info(
            "starting",
            listen=settings.listen,
            audit=services.audit.name,
            policy_set=services.policy_set.name,
            revision=services.policy_set.revision,
            engine=settings.engine,
        )
    finally:
        services.close()


def _load(settings: Settings, folder: Path) -> Flask:
    """Return the application of one worker, whose services are its own and end with it."""
    _keep_environment_out_of_requests()
    configure(settings.log_format)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    watchdog.start(max(settings.review_timeout, watchdog.LEAST_SECONDS))
    services = _services(settings, folder)
    app = create_app(services)

    def close() -> None:
        app.extensions[PUSH_REVIEWS].close()
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
