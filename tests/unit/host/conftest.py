"""A gate on a host, with the default policy set, an audit log, and a stand-in for the daemon."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from policyd.audit.event import DecisionEvent, event_of
from policyd.bootstrap import build
from policyd.config import Settings
from policyd.host.engine_client import EngineClient
from policyd.host.existing import Existing
from policyd.host.gate import Gate
from policyd.host.own_rules import OwnRules
from policyd.host.serve import grant_check
from policyd.host_settings import HostSettings
from policyd.services import Services
from tests.support.engine_stand_in import EngineStandIn
from tests.support.grants_webhook import Webhook

NOW = 1_800_000_000_000_000_000
MAX_FOLDER = 60
"""Bytes of the path of a folder in which the tests make sockets."""


@pytest.fixture(scope="package")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Services with the default policy set, whose clock stands still."""
    folder = tmp_path_factory.mktemp("services")
    built = build(Settings(audit=str(folder / "audit.db")))
    yield msgspec.structs.replace(built, clock=lambda: NOW)
    built.close()


@pytest.fixture
def tmp_path(tmp_path: Path) -> Iterator[Path]:
    """The folder of a test, with a short name: a path of a unix socket has 107 bytes at most."""
    if len(os.fsencode(tmp_path)) <= MAX_FOLDER:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(prefix="pd", dir="/tmp") as short:
        yield Path(short)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineStandIn]:
    """A daemon that has nothing."""
    stand_in = EngineStandIn(tmp_path / "engine.sock")
    yield stand_in
    stand_in.close()


@pytest.fixture
def gate_with(services: Services, engine: EngineStandIn) -> Callable[..., Gate]:
    """A function that returns a gate with these settings."""

    def make(**settings: object) -> Gate:
        host = HostSettings(name="gpu-01", environment="prod", **settings)
        existing = Existing(EngineClient(engine.path))
        grants = grant_check(services, host, existing, None)
        return Gate(services, host, existing, grants, OwnRules(services.settings, host))

    return make


@pytest.fixture
def gate(gate_with: Callable[..., Gate]) -> Gate:
    """A gate with the default settings."""
    return gate_with()


@pytest.fixture
def last_event(services: Services) -> Callable[[], DecisionEvent]:
    """A function that returns the last decision in the audit log."""
    return lambda: event_of(services.audit.decisions(1)[0])


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    """A webhook without grants."""
    server = Webhook()
    yield server
    server.shutdown()
    server.server_close()
