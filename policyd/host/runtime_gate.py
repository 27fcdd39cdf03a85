"""Decide on a container at the last moment, by what the kernel would give to it.

In: what `policyd-runtime` sends before a container is created. Out: whether it may be created, or
the line of the runtime's log that says why not. The policies evaluate the container as the engine
describes it, with the devices, mounts and privileges that it would really have. In doubt it is
refused.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from policyd import deadline
from policyd.demand import Demand, ReviewedAs
from policyd.errors import PolicydError
from policyd.host.asked import Asked, numbered
from policyd.host.denial import denial
from policyd.host.device_numbers import DeviceNumbers
from policyd.host.engine_client import EngineClient
from policyd.host.engine_files import EngineFiles, object_in
from policyd.host.engine_info import EngineInfo
from policyd.host.existing import Existing
from policyd.host.grant_check import PLAIN_RUNTIMES, GrantCheck
from policyd.host.host_files import HostFiles
from policyd.host.oci_runtime import ALLOWED, DENIED
from policyd.host.own_rules import OwnRules
from policyd.host.runtime_needs import METHOD, covered, needs
from policyd.host.runtime_spec import Spec, read_spec, requested, truth
from policyd.host.submounts import with_submounts
from policyd.host.toolkit_additions import unasked_devices, without_driver_files
from policyd.host_resolver import HostResolver
from policyd.host_settings import HostSettings
from policyd.model import Decision, Grant, ImageConfig, Review, Source, Violation, to_json
from policyd.services import Services
from policyd.workloads.model import Workload

ROUTE: Final = "/PolicydRuntime.Create"
INTERNAL: Final = "policyd: internal error, so the container is not created; see the log of policyd"
_TOO_LATE: Final = "policyd: there is no decision in time, so the container is not created"

log = structlog.get_logger("policyd.host")


class RuntimeGate:
    """Decides on the containers of one host. May be used by many threads at once."""

    def __init__(
        self,
        services: Services,
        settings: HostSettings,
        engine: EngineClient,
        grants: GrantCheck,
        numbers: DeviceNumbers,
        own: OwnRules,
    ) -> None:
        """`engine` is asked only for what its files do not say; `grants` knows the grants.

        `own` knows what the gate demands for its own sake.
        """
        self._services = services
        self._settings = settings
        self._engine = engine
        self._grants = grants
        self._numbers = numbers
        self._own = own
        self._files = HostFiles()

    def answer(self, body: bytes) -> bytes:
        """Return the answer to `body`: id and real runtime, each on a line, and config.json."""
        try:
            message = self._message(body)
        except Exception as error:
            log.error("unexpected error", exc_info=error)
            message = INTERNAL
        if not message:
            return ALLOWED
        return _refusal(message)

    def _message(self, body: bytes) -> str:
        """Return why the container must not be created, "" if it may."""
        try:
            with deadline.within(self._settings.timeout):
                decision = self._decided(body)
        except PolicydError as error:
            try:
                decision = self._services.refuse(self._review(), error)
            except PolicydError as second:
                log.error("decision not recorded", reason=second.masked)
                return f"policyd: {second.masked}, so the container is not created"
        return "" if decision.allowed else f"policyd: {denial(decision)}"

    def _decided(self, body: bytes) -> Decision:
        head, _, rest = body.partition(b"\n")
        runtime, _, config = rest.partition(b"\n")
        container, name = head.decode("utf-8", "replace"), os.path.basename(os.fsdecode(runtime))
        spec = read_spec(config, container, self._numbers)
        if name not in PLAIN_RUNTIMES:  # it gives GPUs because of variables after this
            spec = msgspec.structs.replace(spec, has_gpu_hook=True)
        asked, image, existing = self._described(spec)
        described, named = asked, requested(spec, asked.keys)
        spec = without_driver_files(spec, asked.keys)
        keys, runtime_asked = truth(spec, asked.keys), str(asked.keys.get("runtime", ""))
        keys["devices"] += unasked_devices(spec, named)
        volumes = dict(asked.volumes)
        keys["volumes"] = [*keys["volumes"], *_unnamed_volumes(spec, keys, volumes, existing)]
        followed = self._files.followed(Asked("", "", {}, volumes))
        asked = msgspec.structs.replace(asked, keys=keys, volumes=followed.volumes)
        is_deep = not any(one.leaves_writable for one in spec.mounts)
        asked = with_submounts(asked, lambda: is_deep)
        own = self._own.violations(asked, EngineInfo(root=spec.root))

        def violations(_: Sequence[Workload], grants: Sequence[Grant]) -> Iterable[Violation]:
            held_by_request = [one for one in grants if self._counts(one, spec)]
            more = needs(spec, named, held_by_request, asked.service)
            return [*own, *self._not_covered(asked, [*held_by_request, *more], forms)]

        def forms() -> Sequence[Workload]:
            return self._as_reviewed(described, image)

        def reviewed_as(workloads: Sequence[Workload]) -> Iterable[ReviewedAs]:
            if not asked.project or len(workloads) != 1:
                return ()
            # A receipt has the runtime, which `truth` replaces by what the runtime did. The engine
            # names the default one where none was asked for.
            return [
                names
                for runtime in dict.fromkeys((runtime_asked, ""))
                for names in self._grants.reviewed_as(
                    asked.project, msgspec.structs.replace(workloads[0], runtime=runtime)
                )
            ]

        return self._services.decide_loaded(
            lambda: asked.loaded(config, image),
            self._review(),
            Demand((), violations, reviewed_as),
        )

    def _described(self, spec: Spec) -> tuple[Asked, ImageConfig | None, Existing]:
        """Return the container as the files of the engine describe it, or an empty one.

        The engine waits for the runtime, and at boot it does not answer yet.
        """
        if not spec.state:
            return Asked("", "container", {}), None, Existing(self._engine)
        config = object_in(Path(spec.state) / "config.v2.json")
        host = object_in(Path(spec.state) / "hostconfig.json")
        manifest = config.object("ImageManifest").text("digest")
        files = EngineFiles(spec.root, config.text("Driver"), self._engine, manifest)
        existing = Existing(files)
        asked, image = existing.described(config, host)
        return existing.with_others(asked), image, existing

    def _counts(self, grant: Grant, spec: Spec) -> bool:
        """Return whether the container would get the accelerators of `grant`."""
        return grant.certainty != "default-runtime" or spec.has_gpu_hook

    def _as_reviewed(self, described: Asked, image: ImageConfig | None) -> Sequence[Workload]:
        """Return the container as the engine describes it, with the runtime and without it.

        The engine names the default runtime where none was asked for.
        """
        grants = HostResolver(self._services.policy_set.data).grants
        loaded = self._files.followed(described).loaded(b"", image)
        return [
            msgspec.structs.replace(one, runtime=runtime)
            for one in grants.with_grants(loaded, self._settings.name).workloads
            for runtime in dict.fromkeys((one.runtime, ""))
        ]

    def _not_covered(
        self, asked: Asked, needed: Sequence[Grant], forms: Callable[[], Sequence[Workload]]
    ) -> Iterable[Violation]:
        """Return a violation for the first of `needed` that no grant covers.

        `forms` returns the container as a review may have seen it.
        """
        if not needed:
            return ()
        held = self._grants.held(asked.project, forms) if asked.project else ()
        for one in needed:
            if not covered(one, held):
                reason = _reason(one, asked.project, bool(held))
                return (self._grants.violation(one, reason, asked.project),)
        return ()

    def _review(self) -> Review:
        return Review(
            uid=str(uuid.uuid4()),
            enforcement_point="daemon",
            now=self._services.clock(),
            operation="CREATE",
            source=Source(environment=self._settings.environment, host=self._settings.name),
        )


def _refusal(message: str) -> bytes:
    return DENIED + to_json({"level": "error", "msg": message}) + b"\n"


LATE: Final = {ROUTE: _refusal(_TOO_LATE)}
"""The answer, by path, where there is no decision in time."""


def _unnamed_volumes(
    spec: Spec, keys: Mapping[str, Any], volumes: dict[str, Any], existing: Existing
) -> list[dict[str, Any]]:
    """Return the volumes of `spec` that the container does not name, such as inherited ones."""
    targets = {one.get("target") for one in keys["volumes"]}
    return [
        {
            "type": "volume",
            "source": numbered(volumes, one.volume, dict(existing.volume(one.volume))),
            "target": one.target,
            "read_only": one.read_only,
        }
        for one in spec.mounts
        if one.volume and one.target not in targets
    ]


def _reason(need: Grant, project: str, has_grants: bool) -> str:
    """Return the rest of a sentence about the service that would get `need`."""
    devices = ", ".join(need.devices) if isinstance(need.devices, tuple) else str(need.devices)
    shown = f"{need.vendor}: {devices}" if devices else need.vendor
    way = need.path[-1] if need.method == METHOD else need.method
    got = f"would get accelerators by {way} ({shown})"
    if not project:
        return f"{got}, but it is no container of a Compose project, so it has no grant"
    return f"{got}, which its grants do not cover" if has_grants else f"{got} without a grant"
