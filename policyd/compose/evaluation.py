"""Turn the normal tree of a project into the model that is evaluated and the model that is printed.

Both hold the enabled services and what they use. The evaluated model holds what could run, which
is more than Compose prints: every job, since `docker compose run` enables a job by itself, and the
variables of their env files, since `run` reads them. Source: compose-go v2.16.2 loader/loader.go
(ModelToProject), types/project.go; docker/compose v5.7.1 cmd/compose/run.go (materializeManualJob).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from policyd.compose.context import LoadContext
from policyd.compose.file_names import COMPOSE_FILE_NAMES
from policyd.compose.limits import MAX_PROFILES_APART, MAX_SERVICES
from policyd.compose.nodes import Mark, Node
from policyd.compose.phases.consistency import Enabled, inconsistencies, shared_container_names
from policyd.compose.phases.container_files import ContainerFiles
from policyd.compose.phases.decode import EXTENSIONS, decode_project
from policyd.compose.phases.invocation import Invocation
from policyd.compose.phases.validation import long_texts
from policyd.compose.positions import locate, paths_of
from policyd.compose.profiles import Profiles
from policyd.compose.project import Project
from policyd.compose.table.fields import PROJECT
from policyd.compose.text.posix_paths import dirname, join
from policyd.errors import ComposeError
from policyd.model import Location, Path, Unresolved

Service = dict[str, Any]
Model = dict[str, Any]

_RESOURCES: Final = ("networks", "volumes", "secrets", "configs", "models")


def evaluated_project(
    context: LoadContext,
    call: Invocation,
    root: Node,
    environment: Mapping[str, str],
    name: str,
) -> Project:
    """Return the project `name` with the normal tree `root`. Raises ComposeError."""
    return _Evaluation(context, call.profiles, root, environment).project(name, call.directory)


class _Evaluation:
    def __init__(
        self,
        context: LoadContext,
        profiles: Profiles,
        root: Node,
        environment: Mapping[str, str],
    ) -> None:
        self.context = context
        self.profiles = profiles
        self.root = root
        self.places: dict[Path, Location] = {}
        self.files = ContainerFiles(context, environment, self.locate, self.places)

    def locate(self, path: Path) -> Location | None:
        return locate(self.root, path, self.places)

    def project(self, name: str, directory: str) -> Project:
        for text, steps in long_texts(self.root):
            self.context.effort.spend(steps, text)
        model = decode_project(self.root, PROJECT)
        model.pop("name", None)
        services: dict[str, Service] = model.setdefault("services", {})
        jobs: dict[str, Service] = model.setdefault("jobs", {})
        if len(services) + len(jobs) > MAX_SERVICES:
            raise ComposeError(
                f"the project has more than {MAX_SERVICES} services and jobs",
                self.locate(("services",)) or self.locate(("jobs",)),
            )
        enabled = _enabled(model, self.profiles)
        self.check(model, enabled)
        started = {*enabled.services, *_started_by_jobs(model, self.profiles)}
        for key, service in services.items():
            if key in started:
                self.complete_service(key, service)
        printed = _restricted(
            model, {k: services[k] for k in enabled.services}, {k: jobs[k] for k in enabled.jobs}
        )
        run = {key: self.with_files(("jobs", key), job) for key, job in jobs.items()}
        if run.pop(EXTENSIONS, None) is not None:
            self.warn_of_lost_jobs()
        all_started = {key: _with_hook_counts(services[key]) for key in started}
        hooks = [hook for service in all_started.values() for hook in service.get("pre_start", ())]
        tree = _restricted(model, all_started, run, (*hooks, *run.values()))
        project = Project(name, directory, tree, printed, self.root, self.places)
        project.remember_written(self.context.written)
        project.unresolved = tuple(self.unresolved())
        project.not_evaluated = tuple(self.context.not_evaluated)
        project.masked_reasons = self.context.masked_reasons
        project.variables = frozenset(self.context.variables)
        project.warnings = tuple(self.context.warnings)
        project.requested_profiles = self.profiles.requested
        return project

    def complete_service(self, name: str, service: Service) -> None:
        """Add replicas, and what files set, to a service that may start."""
        if "scale" in service and "deploy" in service:
            service["deploy"]["replicas"] = service["scale"]
        # A service that is only evaluated need not have its files here: Compose loads the project.
        is_lenient = self.context.is_lenient or (
            self.profiles.for_evaluation and bool(service.get("profiles"))
        )
        path: Path = ("services", name)
        self.complete(path, service, is_lenient)
        for index, hook in enumerate(service.get("pre_start", ())):
            self.complete((*path, "pre_start", index), hook, is_lenient)

    def complete(self, path: Path, container: Service, is_lenient: bool) -> None:
        if variables := self.files.variables(path, container, is_lenient=is_lenient):
            container["environment"] = variables
        if labels := self.files.labels(path, container, is_lenient=is_lenient):
            container["labels"] = labels

    def with_files(self, path: Path, job: Service) -> Service:
        """Return `job` with the variables of its env files, which `docker compose run` reads."""
        variables = self.files.variables(path, job, is_lenient=True)
        return {**job, "environment": variables} if variables else job

    def warn_of_lost_jobs(self) -> None:
        jobs = self.root.value["jobs"].value
        self.context.warnings += [
            f"jobs.{name}: Compose ignores a job whose name begins with `x-`"
            for name in jobs
            if name.startswith("x-")
        ]

    def unresolved(self) -> list[Unresolved]:
        """Return the variables without a value, at the paths of the model that use them."""
        used = {(name, node.mark): node for name, node in self.context.unresolved}
        found: dict[Unresolved, None] = {}
        if used:
            marks: dict[Mark, list[Path]] = {node.mark: [] for node in used.values()}
            for path, mark in paths_of(self.root, PROJECT, marks):
                marks[mark].append(path)
            for (variable, mark), node in used.items():
                where = node.location or Location("")
                paths = marks[mark] or [()]
                self.context.effort.spend(4 * len(paths), where)
                found.update(dict.fromkeys(Unresolved(variable, path, where) for path in paths))
        found.update(dict.fromkeys(self.context.unresolved_in_files))
        return list(found)

    def check(self, model: Model, enabled: Enabled) -> None:
        """Refuse services and jobs that do not fit together.

        Where all profiles are active only for evaluation, an error that needs several profiles at
        once is reported as not evaluated.
        """
        errors = self.errors(model, enabled)
        first = next(errors, None)
        if first is None:
            return
        if not self.profiles.for_evaluation:
            raise first
        alone = self.messages_of_one_profile(model)
        for error in (first, *errors):
            if alone is None or error.message in alone:
                raise error
            self.context.report_not_evaluated(
                "profiles", "all profiles together", error.marked, error.where
            )

    def errors(self, model: Model, enabled: Enabled) -> Iterator[ComposeError]:
        yield from inconsistencies(model, enabled, self.locate, self.base_of)
        yield from shared_container_names(model, enabled.services, self.locate)

    def base_of(self, file: str) -> str:
        """Return the Compose file beside `file` that it may override, or BASE if there is none."""
        folder = dirname(file)
        for name in COMPOSE_FILE_NAMES:
            path = join(folder, name)
            if self.context.bundle.files.kind(self.context.absolute(path)) == "file":
                return path
        return "BASE"

    def messages_of_one_profile(self, model: Model) -> set[str] | None:
        """Return the errors with no profile or a single one; None where there are too many."""
        entries = (*model["services"].values(), *model["jobs"].values())
        names = {name for entry in entries for name in entry.get("profiles", ())}
        if len(names) > MAX_PROFILES_APART:
            return None
        return {
            error.message
            for name in ("", *names)
            for error in self.errors(model, _enabled(model, Profiles(frozenset((name,)))))
        }


def _enabled(model: Model, profiles: Profiles) -> Enabled:
    return Enabled(profiles.enabled(model["services"]), profiles.enabled(model["jobs"]))


def _started_by_jobs(model: Model, profiles: Profiles) -> set[str]:
    """Return the services that `docker compose run` of a job starts.

    They are the dependencies of the job that its own profiles, or the active ones, enable.
    """
    services, jobs = model["services"], model["jobs"]
    own = {name for job in jobs.values() for name in job.get("profiles", ())}
    enabled = set(Profiles(profiles.names | own).enabled(services))
    waiting = [name for job in jobs.values() for name in job.get("depends_on", ())]
    started: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in enabled and name not in started:
            started.add(name)
            waiting += services[name].get("depends_on", ())
    return started


def _with_hook_counts(service: Service) -> Service:
    """Return `service` with the count -1, all, in GPU requests of hooks that have no count.

    Compose fills in no count there and the engine chooses: a hook may get every GPU.
    """
    hooks = service.get("pre_start", ())
    if not any("gpus" in hook for hook in hooks):
        return service
    counted = [
        {**hook, "gpus": list(map(_counted, hook["gpus"]))} if "gpus" in hook else hook
        for hook in hooks
    ]
    return {**service, "pre_start": counted}


def _counted(request: Service) -> Service:
    is_counted = "count" in request or "device_ids" in request
    return request if is_counted else {**request, "count": -1}


def _restricted(
    model: Model,
    services: Mapping[str, Service],
    jobs: Mapping[str, Service],
    others: Iterable[Service] = (),
) -> Model:
    """Return `model` with these services and jobs, and the resources of services and `others`.

    Compose does not count the uses of hooks and jobs, except with --all-resources.
    """
    kept = {**model, "services": dict(sorted(services.items()))}
    if jobs:
        kept["jobs"] = dict(sorted(jobs.items()))
    else:
        kept.pop("jobs")
    used = _used_resources((*services.values(), *others))
    for kind in _RESOURCES:
        resources = {key: value for key, value in kept.pop(kind, {}).items() if key in used[kind]}
        if resources:
            kept[kind] = resources
    return kept


def _used_resources(services: Iterable[Service]) -> dict[str, set[str]]:
    """Return the names of the resources that containers use, by kind."""
    used: dict[str, set[str]] = {kind: set() for kind in _RESOURCES}
    for service in services:
        used["networks"].update(service.get("networks", ()))
        used["models"].update(service.get("models", ()))
        for volume in service.get("volumes", ()):
            if volume.get("type") == "volume":
                used["volumes"].add(volume.get("source", ""))
        for secret in (*service.get("secrets", ()), *service.get("build", {}).get("secrets", ())):
            used["secrets"].add(secret.get("source", ""))
        for config in service.get("configs", ()):
            used["configs"].add(config.get("source", ""))
    return used
