"""Serve the webhook with granian: a main process, and workers with services of their own.

In: settings. Out: nothing. On SIGTERM or SIGINT, requests in progress are answered and running
reviews of pushes end within a limited time; then `serve` returns. The main process loads the policy
set, and reads it and the settings again on SIGHUP; the workers follow. A worker that hangs is
replaced.
Errors: those of `build`, before any worker starts; ConfigError if the address is not available.
"""

from __future__ import annotations

import functools
import gc
import multiprocessing.util
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings

from policyd import tracing
from policyd.bootstrap import admission_for, build, checkpoint_targets
from policyd.config import Settings
from policyd.engines import ENGINES
from policyd.errors import ConfigError
from policyd.listen_address import listen_address
from policyd.logs import configure, granian_logging
from policyd.metrics import FOLDER_VARIABLE
from policyd.services import Services
from policyd.serving import watchdog
from policyd.serving.applications import Applications
from policyd.serving.asgi import AsgiApplication
from policyd.serving.checkpoint_schedule import CheckpointSchedule
from policyd.serving.follower import Follower
from policyd.serving.reloader import Reloader
from policyd.serving.service_events import ServiceEvents
from policyd.serving.settings_reload import SettingsReloader
from policyd.serving.shared_folder import SharedFolder
from policyd.serving.supervision import SupervisedServer
from policyd.serving.tls import tls_options
from policyd.serving.trace_export import configured_tracer
from policyd.web.app import create_app

STOP_SECONDS: Final = 20
"""How long a worker may take to stop before it is killed."""

HEADER_MILLISECONDS: Final = 10_000
"""How long the headers of a request may take to arrive, also the next ones on a connection."""
GC_THRESHOLD: Final = 500_000
"""Allocations after which Python collects garbage within a request: a large one makes 20,000."""
MAX_CONNECTIONS: Final = 8_192
"""Open connections of a worker."""

log = structlog.get_logger("policyd.serve")


def serve(settings: Settings, read_again: Callable[[], Settings] | None = None) -> None:
    """Serve until a signal stops the process. `settings.audit` must name an audit log.

    `read_again` reads the settings on SIGHUP.
    """
    host, port = listen_address(settings)
    tls = tls_options(settings)
    address = _free_address(host, port)
    configure(settings.log_format)
    with _folder() as shared:
        folder = shared.path
        _allow_connections(MAX_CONNECTIONS)
        events = ServiceEvents(settings.audit)
        following = SettingsReloader(
            settings,
            folder,
            read_again or (lambda: settings),
            functools.partial(_check_settings, folder=folder),
            events.changed_settings,
        )
        reloader = Reloader(
            settings,
            folder,
            functools.partial(_settings_of_now, following),
            events.put_in_force,
        )
        _check_services(settings, folder)
        events.started(reloader.policy_set)
        if not (settings.tokens or settings.issuers or settings.oidc.issuer):
            log.warning("no tokens are configured: all users of this machine have full access")
        server = SupervisedServer(
            "policyd",
            look=functools.partial(_look_after, shared, reloader, following),
            address=address,
            port=port,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_MILLISECONDS),
            backpressure=MAX_CONNECTIONS,
            workers=settings.workers,
            workers_kill_timeout=STOP_SECONDS,
            websockets=False,
            log_dictconfig=granian_logging(settings.log_format),
            **tls,
        )
        schedule = CheckpointSchedule(lambda: following.settings)
        server.on_startup(functools.partial(_start_reloading, reloader))
        server.on_startup(schedule.start)
        server.serve(target_loader=functools.partial(_load, settings, folder), wrap_loader=False)
        events.stopped()
        schedule.stop()


@contextmanager
def _folder() -> Iterator[SharedFolder]:
    """Yield a folder that the processes of this server share. Raises ConfigError."""
    shared = SharedFolder()
    os.environ[FOLDER_VARIABLE] = str(shared.path)
    try:
        yield shared
    finally:
        del os.environ[FOLDER_VARIABLE]
        shared.close()


def _look_after(shared: SharedFolder, reloader: Reloader, following: SettingsReloader) -> None:
    """Restore the shared folder and the publications in it if somebody removed them."""
    try:
        shared.restore()
        following.publish_again()
        if reloader.publish_again():
            log.warning("temporary folder restored", folder=str(shared.path))
    except OSError as error:
        log.error("temporary folder not restored", folder=str(shared.path), reason=str(error))


def _settings_of_now(following: SettingsReloader) -> Settings:
    following.reload()
    return following.settings


def _check_settings(settings: Settings, folder: Path) -> None:
    """Raise PolicydError for settings that a worker could not use."""
    listen_address(settings)
    _check_targets(settings)
    services = _services(settings, folder)
    try:
        create_app(services)
    finally:
        services.close()


def _check_targets(settings: Settings) -> None:
    """Raise ConfigError if checkpoints cannot be published as `settings` say."""
    if settings.checkpoint_copies or settings.witnesses:
        checkpoint_targets(settings)


def _start_reloading(reloader: Reloader) -> None:
    """Reload settings and policy set on SIGHUP. By default, granian would replace its workers."""
    signal.signal(signal.SIGHUP, lambda *_: reloader.wake())
    reloader.start()


def _services(settings: Settings, folder: Path, *, many: bool = False) -> Services:
    make = functools.partial(admission_for, settings=settings, isolated=True, many=many)
    return build(settings, Follower(folder, make, ENGINES[settings.engine].kept_policy_sets))


def _check_services(settings: Settings, folder: Path) -> None:
    """Build the services once, so that an error is reported before any worker starts."""
    _check_targets(settings)
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


def _load(settings: Settings, folder: Path) -> AsgiApplication:
    """Return the application of one worker. Its services are closed when the worker ends."""
    configure(settings.log_format)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    watchdog.start(max(settings.review_timeout, watchdog.LEAST_SECONDS))
    applications = Applications(folder, functools.partial(_services, folder=folder, many=True))
    tracer = configured_tracer(os.environ)
    tracing.use(tracer)

    def close() -> None:
        applications.close()
        if tracer is not None:
            tracer.close()
        log.info("closed", pid=os.getpid())

    # A worker is a process of multiprocessing: it runs finalizers when it ends, but not atexit.
    multiprocessing.util.Finalize(None, close, exitpriority=1)
    # Garbage is collected between requests (`AsgiApplication`): a collection within a request
    # visits all of its objects. The rules are frozen, because they stay.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    return AsgiApplication(
        applications, settings.threads, settings.max_body, settings.review_timeout
    )


def _allow_connections(number: int) -> None:
    """Raise the limit of open files for `number` connections, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + 1_024
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _free_address(host: str, port: int) -> str:
    """Return the IP address of `host`, because granian takes no names.

    Raises ConfigError if it is in use: granian would share the port silently.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(f"listen: cannot listen on {host}:{port}: {reason}") from error
        address: str = probe.getsockname()[0]
    return address
