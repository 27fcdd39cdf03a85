"""Build the services from settings: the one place that chooses implementations.

In: settings. Out: Services. The modules of the audit log and of registries are imported only if the
settings ask for them: they import SQLAlchemy and requests, and `check` starts faster without.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from policyd.admission import Admission
from policyd.config import Settings
from policyd.engines import ENGINES, EngineOptions
from policyd.errors import ConfigError
from policyd.failure_policies import ignores_failures
from policyd.policies.policy_set import PolicySet
from policyd.policies.policy_set_cache import cached_policy_set, installed_program
from policyd.services import FixedRules, Rules, Services
from policyd.settings_reader import read_password
from policyd.workloads.image_configs import ImageReader

if TYPE_CHECKING:
    from policyd.audit.checkpoint_publication import Targets
    from policyd.audit.deferred import DeferredDecisions
    from policyd.decision_cache import DecisionCache


def build(settings: Settings, rules: Rules | None = None, *, many: bool = False) -> Services:
    """Return the services for `settings`, which decide by `rules` if they are given.

    Services with `rules` are those of a server, and keep decisions if `settings` say so. `many`
    says that many reviews follow.
    Raises PolicySetError, ConfigError and AuditError.
    """
    is_server = rules is not None
    cache = decision_cache(settings) if is_server else None
    if rules is None:
        admission = admission_for(configured_policy_set(settings), settings, many=many)
        rules = FixedRules(admission, time.time_ns())
    store = None
    if settings.audit:
        from policyd.audit.store import open_store

        store = open_store(settings.audit, input_days=settings.input_retention)
    return Services(
        settings,
        rules,
        store,
        images=image_reader(settings),
        cache=cache,
        deferred=deferred_decisions(settings) if is_server else None,
    )


def deferred_decisions(settings: Settings) -> DeferredDecisions | None:
    """Return what holds decisions while the audit log cannot be written, None without a folder.

    It also holds those from before a change of the failure policies. Raises ConfigError.
    """
    is_remote = settings.audit.startswith(("postgresql:", "postgres:"))
    if not settings.audit or (is_remote and not settings.deferred_folder):
        if ignores_failures(settings):
            raise ConfigError(
                "a failure policy is Ignore, so decisions must be kept while the database cannot "
                "be reached: set deferred_folder to a folder on this machine"
            )
        return None
    # Imported here because the log imports SQLAlchemy, and only a server needs it.
    from pathlib import Path

    from policyd.audit.deferred import DeferredDecisions

    file = settings.audit.removeprefix("sqlite:///").partition("?")[0]
    return DeferredDecisions(Path(settings.deferred_folder or f"{file}.deferred"))


def decision_cache(settings: Settings) -> DecisionCache | None:
    """Return what keeps decisions, None where `settings` do not allow it.

    Decisions with images are not kept, because registries may change; nor are those of an OPA
    server, whose own decision log would miss them.
    """
    if not settings.decision_cache or settings.images != "off" or settings.engine != "embedded":
        return None
    # Imported here because `check` starts faster without it, and never needs it.
    from policyd.decision_cache import DecisionCache

    return DecisionCache(settings.decision_cache)


def image_reader(settings: Settings) -> ImageReader | None:
    """Return what reads the configurations of images, None where `settings` do not ask for it.

    Raises ConfigError when no registry may be read, or a password cannot be read.
    """
    if settings.images == "off":
        return None
    if not settings.image_registries:
        raise ConfigError(
            'images = "inspect" needs the registries that may be read: add '
            "[image_registries.NAME] with their host to the settings file"
        )
    # Imported here because it imports requests, and `check` starts faster without.
    from policyd.registry.image_reader import RegistryImages
    from policyd.registry.transport import Remote

    remotes = {
        registry.host: Remote(
            registry,
            read_password(registry, f"image_registries.{name}"),
            registry.redirect_hosts,
        )
        for name, registry in settings.image_registries.items()
    }
    return RegistryImages(remotes, settings.image_timeout)


def checkpoint_targets(settings: Settings) -> Targets:
    """Return where `settings` have checkpoints published. Raises ConfigError."""
    # Imported here because it needs the package cryptography, which is optional.
    from policyd.audit.checkpoint_copies import FileCopy, UrlCopy
    from policyd.audit.checkpoint_publication import Targets
    from policyd.audit.witnessing import WitnessClient

    if (settings.checkpoint_copies or settings.witnesses) and not settings.audit_key_file:
        raise ConfigError(
            "checkpoint_copies and witnesses need a key that signs checkpoints: set audit_key_file "
            "and audit_origin"
        )
    witnesses = [
        WitnessClient(
            f"witnesses.{name}",
            one.url,
            one.public_key,
            one.token_file,
            one.ca_file,
            insecure=one.insecure,
        )
        for name, one in settings.witnesses.items()
    ]
    copies = [
        FileCopy(f"checkpoint_copies.{name}", one.file)
        if one.file
        else UrlCopy(
            f"checkpoint_copies.{name}",
            one.url,
            one.method,
            one.token_file,
            one.ca_file,
            insecure=one.insecure,
        )
        for name, one in settings.checkpoint_copies.items()
    ]
    return Targets(witnesses, copies)


def configured_policy_set(settings: Settings) -> PolicySet:
    """Return the policy set that `settings` name. Raises PolicySetError."""
    path = None
    if settings.policy_set:
        from pathlib import Path  # here, because it is slow to import

        path = Path(settings.policy_set)
    return cached_policy_set(path, os.environ, installed_program())


def admission_for(
    policy_set: PolicySet, settings: Settings, *, isolated: bool = False, many: bool = False
) -> Admission:
    """Return an Admission for `policy_set`, with an engine of its own. Raises ConfigError.

    `isolated` asks the engine to evaluate in processes of its own. `many` says that many reviews
    follow: what pays off for many is done at once.
    """
    options = EngineOptions(
        deadline=settings.review_timeout,
        isolated=isolated,
        url=settings.engine_url,
        token=settings.engine_token,
        ca_file=settings.engine_ca_file,
    )
    relevance = None
    # An OPA server evaluates everything: its own decision log shows what it was asked.
    if many and settings.engine == "embedded":
        # Imported here because one `check` does not need it, and starts faster without.
        from policyd.policies.relevance import Relevance

        relevance = Relevance(policy_set)
    engine = ENGINES[settings.engine].create(policy_set, options)
    return Admission(engine, policy_set, relevance=relevance)
