"""Run the authorization plugin of one host until a signal stops it.

In: settings. Out: nothing. The policy set is read again on SIGHUP and when its files change, the
settings on SIGHUP; if the new ones are not valid, the previous ones stay in force. Errors: those of
`build`, ConfigError if the socket cannot be used.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import socket as sockets
import threading
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import msgspec
import structlog

from policyd import deadline
from policyd.bootstrap import admission_for, build
from policyd.config import Settings
from policyd.engines import ENGINES
from policyd.host import plugin, runtime_gate
from policyd.host.device_numbers import DeviceNumbers
from policyd.host.engine_client import EngineClient
from policyd.host.existing import Existing
from policyd.host.gate import Gate
from policyd.host.grant_check import GrantCheck
from policyd.host.granted import GrantSource, RecordedGrants, receipts_of
from policyd.host.own_rules import OwnRules
from policyd.host.plugin import handlers
from policyd.host.plugin_server import Handler, Late, PluginServer
from policyd.host.runtime_gate import ROUTE, RuntimeGate
from policyd.host.service_grants import ServiceGrants
from policyd.host.settings_following import SettingsFollowing
from policyd.host.slots import Slots
from policyd.host_settings import HostSettings
from policyd.logs import configure
from policyd.policies.policy_set import PolicySet
from policyd.services import Services
from policyd.serving.follower import Follower
from policyd.serving.reloader import Reloader
from policyd.serving.service_events import ServiceEvents
from policyd.serving.shared_folder import SharedFolder

GRACE: Final = deadline.RECORDING_SECONDS + 0.5
"""Seconds after the time limit of a decision in which it may be recorded and answered."""

log = structlog.get_logger("policyd.host")


def serve(
    settings: Settings, read_again: Callable[[], Settings] | None = None, config: str = ""
) -> None:
    """Serve until SIGTERM or SIGINT. `settings.audit` must name an audit log.

    `read_again` reads the settings on SIGHUP; `config` is the path of their file.
    """
    configure(settings.log_format)
    shared = SharedFolder()
    try:
        _serve(settings, read_again or (lambda: settings), shared, config)
    finally:
        shared.close()


def _of_this_host(settings: Settings) -> Settings:
    """Return `settings` with the name of the host and the time limit of its requests."""
    host = named(settings.host)
    timeout = min(settings.review_timeout, host.timeout)
    return msgspec.structs.replace(settings, host=host, review_timeout=timeout)


def named(settings: HostSettings) -> HostSettings:
    """Return `settings` with the name of the host."""
    return (
        settings if settings.name else msgspec.structs.replace(settings, name=sockets.gethostname())
    )


def _serve(
    written: Settings, read_again: Callable[[], Settings], shared: SharedFolder, config: str
) -> None:
    settings = _of_this_host(written)
    host = settings.host
    events = ServiceEvents(settings.audit)

    def put_in_force(policy_set: PolicySet) -> None:
        events.put_in_force(policy_set)
        following.use_again()  # the gate protects the files of the policy set

    reloader = Reloader(settings, shared.path, lambda: following.reload(), put_in_force)
    make = functools.partial(admission_for, settings=settings, isolated=True, many=True)
    rules = Follower(shared.path, make, ENGINES[settings.engine].kept_policy_sets)
    services = build(settings, rules)
    try:
        services.audit.check_writable()
        events.started(reloader.policy_set)
        central = ServiceGrants(host, services.clock) if host.grants_url else None
        routes = functools.partial(_routes, services, _Daemon.of(host), central, config)
        late = Late(host.timeout + GRACE, {**plugin.LATE, **runtime_gate.LATE})
        server = PluginServer(host.socket, routes(written), late)
        gc.collect()
        gc.freeze()  # the rules stay: a collection that visits them takes longer than a request
        following = SettingsFollowing(
            written,
            read_again,
            lambda settings: server.answer_by(routes(settings)),
            events.changed_settings,
        )
        _stop_on_signals(server, reloader)
        _log_start(host, services.policy_set)
        reloader.start()
        if central:
            central.start()
        server.run()
        events.stopped()
    finally:
        services.close()


def _log_start(host: HostSettings, policy_set: PolicySet) -> None:
    log.info(
        "listening",
        socket=host.socket,
        host=host.name,
        mode=host.mode,
        policy_set=policy_set.name,
        revision=policy_set.revision,
    )


class _Daemon(NamedTuple):
    """The daemon, and what is known of it, which a change of the settings keeps."""

    engine: EngineClient
    existing: Existing
    slots: Slots
    numbers: DeviceNumbers

    @classmethod
    def of(cls, host: HostSettings) -> _Daemon:
        """Return the daemon of `host`."""
        engine = EngineClient(host.engine)
        existing = Existing(engine)
        return cls(engine, existing, Slots(existing.running), DeviceNumbers())


def _routes(
    services: Services,
    daemon: _Daemon,
    central: ServiceGrants | None,
    config: str,
    written: Settings,
) -> Mapping[str, Handler]:
    """Return what answers the daemon by the settings `written`. Raises ConfigError."""
    settings = _of_this_host(written)
    host, services = settings.host, msgspec.structs.replace(services, settings=settings)
    grants = grant_check(services, host, daemon.existing, central, daemon.slots)
    own = OwnRules(settings, host, os.path.abspath(config) if config else "")
    gate = Gate(services, host, daemon.existing, grants, own)
    runtime = RuntimeGate(services, host, daemon.engine, grants, daemon.numbers, own)
    return {**handlers(gate), ROUTE: runtime.answer}


def grant_check(
    services: Services,
    host: HostSettings,
    existing: Existing,
    central: ServiceGrants | None,
    slots: Slots | None = None,
) -> GrantCheck:
    """Return what compares requests with the grants that the settings name. Raises ConfigError.

    `slots` knows the containers that are being started.
    """
    sources: list[GrantSource] = [RecordedGrants(services.audit, host.name, services.clock)]
    if central:
        sources.append(central)
    receipts = receipts_of(services, host) if host.receipts else None
    slots = slots or Slots(existing.running)
    return GrantCheck(host, sources, receipts, slots, existing.default_runtime)


def _stop_on_signals(server: PluginServer, reloader: Reloader) -> None:
    def stop(*_: object) -> None:
        # In a thread of its own: `shutdown` waits for the loop that this handler interrupts.
        threading.Thread(target=server.shutdown, daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, lambda *_: reloader.wake())
