"""Check that the enabled services and jobs fit together.

In: the loaded model and the names of its enabled services and jobs. Out: what is wrong, as errors.
Source: compose-go v2.16.2 loader/validate.go (checkConsistency), graph/cycle.go; docker/compose v5
cmd/compose/config.go (container names).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from policyd.compose.file_names import COMPOSE_FILE_NAMES
from policyd.errors import ComposeError
from policyd.masking import in_quotes, named, sensitive
from policyd.model import Location, Path

Service = dict[str, Any]
Locate = Callable[[Path], Location | None]
BaseOf = Callable[[str], str]

_FREE_ACTIONS: Final = ("rebuild", "restart")
_TESTS: Final = ("CMD", "CMD-SHELL", "NONE")


class Enabled(msgspec.Struct, frozen=True):
    """The names of the services and jobs that are enabled."""

    services: list[str]
    jobs: list[str]


def inconsistencies(
    model: dict[str, Any], enabled: Enabled, locate: Locate, base_of: BaseOf
) -> Iterator[ComposeError]:
    """Yield what is wrong with the `enabled` services and jobs of `model`.

    Compose stops at the first error. `locate` gives the place of a path for messages, `base_of` the
    file that a file of the project may override, for a hint.
    """
    checker = _Checker(model, enabled, locate, base_of)
    for name in enabled.services:
        yield from checker.check_service(name, checker.services[name])
    yield from checker.check_names()
    for name in enabled.jobs:
        yield from checker.check_job(name)
    yield from checker.check_secrets()
    yield from checker.check_cycles()


def shared_container_names(
    model: dict[str, Any], enabled: Iterable[str], locate: Locate
) -> Iterator[ComposeError]:
    """Yield an error for each enabled service whose container name another one has.

    `docker compose config` refuses them.
    """
    seen: dict[str, str] = {}
    for service in enabled:
        name = model["services"][service].get("container_name")
        if name and seen.setdefault(name, service) != service:
            yield ComposeError(
                f"services {seen[name]!r} and {service!r} have the same container_name "
                f"{in_quotes(name)}",
                locate(("services", service, "container_name")),
            )


class _Checker:
    def __init__(
        self, model: dict[str, Any], enabled: Enabled, locate: Locate, base_of: BaseOf
    ) -> None:
        self.base_of = base_of
        self.model = model
        self.services: dict[str, Service] = model.get("services", {})
        self.jobs: dict[str, Service] = model.get("jobs", {})
        self.enabled = frozenset(enabled.services)
        self.enabled_jobs = frozenset(enabled.jobs)
        self.locate = locate

    def refuse(self, message: str, service: str, *path: str | int) -> ComposeError:
        return ComposeError(
            f"service {service!r} {message}", self.locate(("services", service, *path))
        )

    def check_service(self, name: str, service: Service) -> Iterator[ComposeError]:
        build = service.get("build")
        if build is None and not service.get("image") and "provider" not in service:
            yield self.no_image(name)
        if build is not None:
            yield from self.check_build(name, service, build)
        yield from self.check_networks(name, service)
        test = service.get("healthcheck", {}).get("test")
        if test and test[0] not in _TESTS:
            yield self.refuse(
                "has a healthcheck.test that does not start with CMD, CMD-SHELL or NONE",
                name,
                "healthcheck",
                "test",
            )
        for other, dependency in service.get("depends_on", {}).items():
            if self.is_missing(other, dependency):
                what = "job {}, but a service can only depend on services"
                undefined = what if other in self.enabled_jobs else "undefined service {}"
                yield self.refuse(
                    f"depends on {undefined.format(in_quotes(other))}", name, "depends_on"
                )
        yield from self.check_references(name, service)
        yield from self.check_resources(name, service)
        if "develop" in service:
            yield from self.check_watch(name, service["develop"])
        yield from self.check_targets(name, service)

    def no_image(self, name: str) -> ComposeError:
        place = self.locate(("services", name))
        message = "has neither an image nor a build nor a provider"
        if place is None or place.file.rpartition("/")[2] in COMPOSE_FILE_NAMES:
            return self.refuse(f"{message}: add one of them", name)
        both = f"-f {self.base_of(place.file)} -f {place.file}"
        return self.refuse(
            f"{message}; if {place.file} overrides another file, load both: {both}", name
        )

    def is_missing(self, other: str, dependency: Service) -> bool:
        """Return whether a dependency on the service `other` cannot be satisfied."""
        if other in self.enabled:
            return False
        return other not in self.services or dependency.get("required", False)

    def check_names(self) -> Iterator[ComposeError]:
        """Refuse a name that a service and a job share, even if they are disabled."""
        for name in sorted(self.jobs.keys() & self.services.keys()):
            yield ComposeError(
                f"{name!r} is the name of a service and of a job: names must be unique",
                self.locate(("jobs", name)),
            )

    def check_job(self, name: str) -> Iterator[ComposeError]:
        for other, dependency in self.jobs[name].get("depends_on", {}).items():
            if other not in self.enabled_jobs and self.is_missing(other, dependency):
                yield ComposeError(
                    f"job {name!r} depends on undefined service or job {in_quotes(other)}",
                    self.locate(("jobs", name, "depends_on")),
                )

    def check_build(self, name: str, service: Service, build: Service) -> Iterator[ComposeError]:
        if build.get("dockerfile") and build.get("dockerfile_inline"):
            yield self.refuse("has both dockerfile and dockerfile_inline", name, "build")
        for context, source in build.get("additional_contexts", {}).items():
            if source.startswith("service:"):
                other = source.removeprefix("service:")
                if other not in self.services:
                    yield self.refuse(
                        f"names the undefined service {in_quotes(other)} as build context "
                        f"{named(context)}",
                        name,
                        "build",
                    )
                elif "build" not in self.services[other]:
                    yield self.refuse(
                        f"names the service {in_quotes(other)} as build context {named(context)}, "
                        "and that service has no `build`",
                        name,
                        "build",
                    )
        platform = service.get("platform")
        if build.get("platforms") and platform and platform not in build["platforms"]:
            yield self.refuse(
                f"has the platform {in_quotes(platform)}, which is not in build.platforms", name
            )

    def check_networks(self, name: str, service: Service) -> Iterator[ComposeError]:
        networks = service.get("networks", {})
        if service.get("network_mode") and networks:
            yield self.refuse("has both network_mode and networks", name, "network_mode")
        for network in networks:
            if network not in self.model.get("networks", {}):
                yield self.undefined("networks", "network", network, name, ("networks", network))

    def undefined(
        self, section: str, what: str, source: str, name: str, path: Path
    ) -> ComposeError:
        """Return the error for a resource that the service `name` uses and nobody declares."""
        hint = f"declare it below the top-level `{section}:`"
        if section == "volumes" and "/" in source:
            hint = f"write `{sensitive(f'./{source}')}` for a path, or {hint}"
        return self.refuse(f"refers to undefined {what} {in_quotes(source)}: {hint}", name, *path)

    def check_references(self, name: str, service: Service) -> Iterator[ComposeError]:
        mode = service.get("network_mode", "")
        if mode.startswith("service:") and mode.removeprefix("service:") not in self.enabled:
            yield self.refuse(
                f"has the network_mode {in_quotes(mode)}, and that service is undefined",
                name,
                "network_mode",
            )
        used: list[tuple[str, str, Path, str]] = []
        for index, volume in enumerate(service.get("volumes", ())):
            if volume.get("type") == "volume" and volume.get("source"):
                used.append(("volumes", "volume", ("volumes", index), volume["source"]))
        for section, what in (("secrets", "secret"), ("configs", "config")):
            for index, entry in enumerate(service.get(section, ())):
                used.append((section, what, (section, index), entry.get("source", "")))
        for index, entry in enumerate(service.get("build", {}).get("secrets", ())):
            at = ("build", "secrets", index)
            used.append(("secrets", "build secret", at, entry.get("source", "")))
        for section, what, path, source in used:
            if source not in self.model.get(section, {}):
                yield self.undefined(section, what, source, name, path)
        for model in service.get("models", {}):
            if model not in self.model.get("models", {}):
                yield self.undefined("models", "model", model, name, ("models", model))

    def check_resources(self, name: str, service: Service) -> Iterator[ComposeError]:
        deploy = service.get("deploy", {})
        scale, replicas = service.get("scale"), deploy.get("replicas")
        if scale is not None and replicas is not None and scale != replicas:
            yield self.refuse("has a scale that differs from deploy.replicas", name, "scale")
        if scale is not None and scale < 0:
            yield self.refuse("has a negative scale", name, "scale")
        if replicas is not None and replicas < 0:
            yield self.refuse("has negative deploy.replicas", name, "deploy", "replicas")
        count = scale if scale is not None else replicas
        if count is not None and count > 1 and service.get("container_name"):
            yield self.refuse("has a container_name and more than one replica", name)
        for key, section, twin, zero in (
            ("cpus", "limits", "cpus", 0.0),
            ("mem_limit", "limits", "memory", "0"),
            ("mem_reservation", "reservations", "memory", "0"),
            ("pids_limit", "limits", "pids", 0),
        ):
            limits = deploy.get("resources", {}).get(section)
            value = service.get(key, zero)
            if value != zero and limits is not None and limits.get(twin, zero) != value:
                yield self.refuse(
                    f"has a {key} that differs from deploy.resources.{section}.{twin}", name, key
                )

    def check_watch(self, name: str, develop: Service) -> Iterator[ComposeError]:
        for index, rule in enumerate(develop.get("watch", ())):
            if not rule.get("target") and rule.get("action") not in _FREE_ACTIONS:
                yield self.refuse(
                    "has a watch rule without `target`", name, "develop", "watch", index
                )

    def check_targets(self, name: str, service: Service) -> Iterator[ComposeError]:
        taken: set[str] = set()
        for section in ("tmpfs", "volumes"):
            for index, entry in enumerate(service.get(section, ())):
                target = entry.partition(":")[0] if section == "tmpfs" else entry.get("target", "")
                if target in taken:
                    yield self.refuse(
                        f"has two mounts on the target {in_quotes(target)}", name, section, index
                    )
                taken.add(target)

    def check_secrets(self) -> Iterator[ComposeError]:
        for name, secret in self.model.get("secrets", {}).items():
            if not (secret.get("external") or secret.get("file") or secret.get("environment")):
                yield ComposeError(
                    f"secret {name!r} needs `file` or `environment`",
                    self.locate(("secrets", name)),
                )

    def check_cycles(self) -> Iterator[ComposeError]:
        """Refuse services that depend on each other in a cycle."""
        done: set[str] = set()
        for start in sorted(self.enabled):
            path: list[str] = []
            stack = [(start, iter(self.dependencies(start)))]
            path.append(start)
            while stack:
                current, rest = stack[-1]
                child = next(rest, None)
                if child is None:
                    stack.pop()
                    path.pop()
                    done.add(current)
                elif child in path:
                    cycle = " -> ".join([*path[path.index(child) :], child])
                    yield self.refuse(f"depends on itself: {cycle}", child, "depends_on")
                    return
                elif child not in done:
                    path.append(child)
                    stack.append((child, iter(self.dependencies(child))))

    def dependencies(self, name: str) -> list[str]:
        return [
            other for other in self.services[name].get("depends_on", {}) if other in self.enabled
        ]
