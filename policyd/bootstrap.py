"""Build the services from settings: the one place that chooses implementations.

In: settings. Out: Services. The module of the audit log is imported only if the settings name one:
it imports SQLAlchemy, and `check` starts faster without.
"""

from __future__ import annotations

import time
from pathlib import Path

from policyd.admission import Admission
from policyd.config import Settings
from policyd.engines import ENGINES, EngineOptions
from policyd.policies.policy_set import PolicySet, load_policy_set
from policyd.services import FixedRules, Rules, Services


def build(settings: Settings, rules: Rules | None = None) -> Services:
    """Return the services for `settings`, which decide by `rules` if they are given.

    Raises PolicySetError, ConfigError and AuditError.
    """
    if rules is None:
        admission = admission_for(configured_policy_set(settings), settings)
        rules = FixedRules(admission, time.time_ns())
    store = None
    if settings.audit:
        from policyd.audit.store import open_store

        store = open_store(settings.audit)
    return Services(settings, rules, store)


def configured_policy_set(settings: Settings) -> PolicySet:
    """Return the policy set that `settings` name. Raises PolicySetError."""
    return load_policy_set(Path(settings.policy_set) if settings.policy_set else None)


def admission_for(
    policy_set: PolicySet, settings: Settings, *, isolated: bool = False
) -> Admission:
    """Return an Admission for `policy_set`, with an engine of its own. Raises ConfigError.

    `isolated` asks the engine to evaluate in processes of its own.
    """
    options = EngineOptions(
        deadline=settings.review_timeout,
        isolated=isolated,
        url=settings.engine_url,
        token=settings.engine_token,
        ca_file=settings.engine_ca_file,
    )
    return Admission(ENGINES[settings.engine].create(policy_set, options), policy_set)
