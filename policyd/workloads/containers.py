"""List the containers that a project describes: services, their pre_start hooks, and jobs.

In: the loaded model. Out: a `Container` for each, with its keys as loaded. Source: compose-go
2.16.2 types.ContainerSpec; docker/compose 5.7 pkg/compose/pre_start.go, cmd/compose/run.go.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from policyd.model import Path, WorkloadKind
from policyd.workloads.values import Tree, entries, mapping


class Container(msgspec.Struct, frozen=True):
    """`service` is the name of the service or job; `hook` is the index in `pre_start` of a hook."""

    kind: WorkloadKind
    service: str
    keys: Tree
    path: Path
    hook: int | None = None

    @property
    def name(self) -> str:
        """A name that is unique in the project: no service name contains a slash."""
        return self.service if self.hook is None else f"{self.service}/pre_start/{self.hook}"

    @property
    def title(self) -> str:
        """What messages call it. The index counts from 0, as in the name that Compose gives it."""
        if self.hook is None:
            return f"{self.kind} {self.service}"
        return f"hook {self.hook} of service {self.service}"


def services_and_jobs(tree: Tree) -> Iterator[Container]:
    """Yield the services of `tree`, then its jobs, each in order of their names."""
    services, jobs = mapping(tree, "services"), mapping(tree, "jobs")
    for name in sorted(services):
        yield Container("service", name, mapping(services, name), ("services", name))
    for name in sorted(jobs):
        yield Container("job", name, mapping(jobs, name), ("jobs", name))


def hooks_of(service: Container) -> Iterator[Container]:
    """Yield the pre_start hooks of `service`; a job has none."""
    if service.kind == "service":
        for index, keys in entries(service.keys, "pre_start"):
            path = (*service.path, "pre_start", index)
            yield Container("hook", service.service, keys, path, index)
