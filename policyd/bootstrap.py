"""Build the services from settings: the one place that chooses implementations.

In: settings. Out: Services. The modules of the audit log and of the OPA engine are imported only
if the settings ask for them: they import SQLAlchemy and requests, and `check` starts faster
without.
"""

from __future__ import annotations

import time
from pathlib import Path

from policyd.admission import Admission
from policyd.config import Settings
from policyd.engines import Engine
from policyd.engines.embedded import EmbeddedEngine
from policyd.errors import ConfigError
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.services import FixedRules, Rules, Services


def build(settings: Settings, rules: Rules | None = None) -> Services:
    """Return the services that `settings` describe; they judge by `rules` where these are given.

    Raises PolicySetError, ConfigError and AuditError.
    """
    if rules is None:
        admission = admission_by(policy_set_of(settings), settings)
        rules = FixedRules(admission, time.time_ns())
    store = None
    if settings.audit:
        from policyd.audit.store import open_store

        store = open_store(settings.audit)
    return Services(settings, rules, store)


def policy_set_of(settings: Settings) -> PolicySet:
    """Return the policy set that `settings` name. Raises PolicySetError."""
    return load_policy_set(Path(settings.policy_set) if settings.policy_set else None)


def admission_by(policy_set: PolicySet, settings: Settings) -> Admission:
    """Return what decides by `policy_set`, with an engine of its own. Raises ConfigError."""
    return Admission(_engine(policy_set, settings), policy_set)


def _engine(policy_set: PolicySet, settings: Settings) -> Engine:
    if settings.engine == "opa":
        return _opa_engine(policy_set.revision, settings)
    if settings.engine_url:
        raise ConfigError("engine_url is set, and engine is embedded: set engine to opa")
    return EmbeddedEngine(policy_set.modules, policy_set.data, settings.review_timeout)


def _opa_engine(revision: str, settings: Settings) -> Engine:
    from policyd.engines.opa import OpaEngine

    if not settings.engine_url:
        raise ConfigError("engine is opa: say with engine_url where the server is")
    if settings.engine_ca_file and not Path(settings.engine_ca_file).is_file():
        raise ConfigError(f"engine_ca_file: there is no file {settings.engine_ca_file}")
    return OpaEngine(
        settings.engine_url,
        revision,
        token=settings.engine_token,
        ca_file=settings.engine_ca_file,
        deadline=settings.review_timeout,
    )
