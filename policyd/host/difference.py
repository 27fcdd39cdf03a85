"""Compare what runs on a host with what was granted there.

In: what the daemon runs; the grants of the host in the audit log, of a webhook and of receipts.
Out: containers with accelerators that no grant covers, and grants that no running container uses.
Errors: EngineUnavailable, AuditError, GrantsUnknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

from policyd.audit.event import GrantRecord
from policyd.grants.resolution import GrantResolver
from policyd.host.coverage import Held, coverage, covers, shown
from policyd.host.engine_client import EngineClient
from policyd.host.existing import Engine, Existing
from policyd.host.grant_check import PLAIN_RUNTIMES, was_granted
from policyd.host.granted import receipts_of
from policyd.host.host_files import HostFiles
from policyd.host.service_grants import ServiceGrants
from policyd.host_findings import Difference, Uncovered, Unused
from policyd.host_resolver import HostResolver
from policyd.host_settings import HostSettings
from policyd.model import Grant
from policyd.services import Services
from policyd.workloads.model import Workload

MAX_GRANTS: Final = 10_000
"""Grants of one host that are compared."""


def difference_of(services: Services, host: HostSettings) -> Difference:
    """Return how what runs on `host` differs from all grants that its gate knows.

    Raises EngineUnavailable, AuditError, GrantsUnknown, ConfigError.
    """
    held = services.audit.grants(MAX_GRANTS, active=True, host=host.name)
    if host.grants_url:
        held = [*held, *ServiceGrants(host, services.clock).read_now()]
    receipts = receipts_of(services, host) if host.receipts else None
    return difference(
        host.name,
        EngineClient(host.engine),
        held,
        HostResolver(services.policy_set.data).grants,
        receipts.held_for if receipts else lambda _, __: (),
    )


def difference(
    host: str,
    engine: Engine,
    held: Sequence[GrantRecord],
    grants: GrantResolver,
    by_receipt: Callable[[str, Sequence[Workload]], Sequence[Held]] = lambda _, __: (),
) -> Difference:
    """Return how the running containers of `engine` differ from the grants `held`.

    `by_receipt` returns the grants that receipts have for a container of a project.
    """
    existing, files = Existing(engine), HostFiles()
    uncovered: list[Uncovered] = []
    used: set[int] = set()
    running: Counter[tuple[str, str]] = Counter()
    ids = engine.running({})
    for container in reversed(ids):  # the oldest first
        asked, project, workloads = _asked(existing, files, container, grants, host)
        if not asked:
            continue
        own = {place: one for place, one in enumerate(held) if one.project == project}
        found = coverage(asked, [*own.values(), *by_receipt(project, workloads)])
        service = asked[0].service
        running[project, service] += bool(found.containers)
        reason = found.reason
        if found.containers and running[project, service] > found.containers:
            reason = f"it {was_granted(found.containers)}, and more are running"
        if reason:
            wanted = ", ".join(f"{one.vendor} {shown(one.devices)} ({one.method})" for one in asked)
            uncovered.append(Uncovered(container[:12], project, service, wanted, reason))
        used |= {place for place, one in own.items() for grant in asked if covers(one, grant)}
    unused = [
        Unused(
            f"{one.sequence}.{one.position}",
            one.repository,
            one.project,
            one.service,
            f"{one.vendor} {shown(one.devices)} ({one.method})",
            one.time,
        )
        for place, one in enumerate(held)
        if place not in used
    ]
    return Difference(host, tuple(uncovered), tuple(unused), len(ids), len(held))


def _asked(
    existing: Existing, files: HostFiles, container: str, grants: GrantResolver, host: str
) -> tuple[list[Grant], str, Sequence[Workload]]:
    """Return what a container asks for, its project, and it as a workload.

    Nothing if it ended in the meantime.
    """
    found = existing.container(container)
    if found is None:
        return [], "", ()
    asked, image, _ = found
    asked = files.followed(existing.with_others(asked))
    workloads = grants.with_grants(asked.loaded(b"", image), host).workloads
    plain = existing.default_runtime() in PLAIN_RUNTIMES
    listed = grants.listed(workloads, host)
    counted = [one for one in listed if one.certainty != "default-runtime" or not plain]
    return counted, asked.project, workloads
