"""Compare what runs on a host with what was granted there.

In: what the daemon runs, the grants of the host. Out: containers with accelerators that no grant
covers, and grants that no running container uses. Errors: EngineUnavailable, AuditError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from policyd.audit.event import GrantRecord
from policyd.grants.resolution import GrantResolver
from policyd.host.coverage import coverage, covers, shown
from policyd.host.existing import Engine, Existing
from policyd.host.grant_check import PLAIN_RUNTIMES
from policyd.host.host_files import HostFiles
from policyd.host_findings import Difference, Uncovered, Unused
from policyd.model import Grant

MAX_GRANTS: Final = 10_000
"""Grants of one host that are compared."""


def difference(
    host: str, engine: Engine, held: Sequence[GrantRecord], grants: GrantResolver
) -> Difference:
    """Return how the running containers of `engine` differ from the grants `held`."""
    existing, files = Existing(engine), HostFiles()
    uncovered: list[Uncovered] = []
    used: set[tuple[int, int]] = set()
    ids = engine.running({})
    for container in ids:
        asked, project = _asked(existing, files, container, grants, host)
        if not asked:
            continue
        own = [one for one in held if one.project == project]
        found = coverage(asked, own)
        if not found.containers:
            wanted = ", ".join(f"{one.vendor} {shown(one.devices)} ({one.method})" for one in asked)
            uncovered.append(
                Uncovered(container[:12], project, asked[0].service, wanted, found.reason)
            )
        used |= {
            (one.sequence, one.position) for one in own for grant in asked if covers(one, grant)
        }
    unused = [
        Unused(
            f"{one.sequence}.{one.position}",
            one.repository,
            one.project,
            one.service,
            f"{one.vendor} {shown(one.devices)} ({one.method})",
            one.time,
        )
        for one in held
        if (one.sequence, one.position) not in used
    ]
    return Difference(host, tuple(uncovered), tuple(unused), len(ids), len(held))


def _asked(
    existing: Existing, files: HostFiles, container: str, grants: GrantResolver, host: str
) -> tuple[list[Grant], str]:
    """Return what a container asks for, and its project; nothing if it ended in the meantime."""
    found = existing.container(container)
    if found is None:
        return [], ""
    asked, image, _ = found
    asked = existing.with_services(files.followed(asked))
    workloads = grants.with_grants(asked.loaded(b"", image), host).workloads
    plain = existing.default_runtime() in PLAIN_RUNTIMES
    listed = grants.listed(workloads, host)
    return [one for one in listed if one.certainty != "default-runtime" or not plain], asked.project
