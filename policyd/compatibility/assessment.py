"""Answer whether the host of a review can run the workloads: three questions, apart.

In: workloads with their grants, the data of the policy set, the name of a host. Out: the workloads
with their answers. The questions: is the container refused when it starts, do CUDA programs work
with the driver, has the toolkit code for the GPU; and for AMD and Intel Gaudi: is the driver recent
enough. Sources: see `requirements.py`, `paths.py` and the tables in policies/governance/data.yaml.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from policyd.compatibility.images import image_facts, image_reference
from policyd.compatibility.injection_path import effective_grants, tested_path
from policyd.compatibility.requirements import (
    CUDA,
    DOUBTFUL,
    Facts,
    Requirement,
    allows,
    unmet,
)
from policyd.compatibility.tables import Tables, is_older, major_minor
from policyd.errors import PolicySetError
from policyd.inventory.hosts import Gpu, Host
from policyd.model import Path
from policyd.workloads.model import CompatibilityAnswer, CompatibilitySource, Workload

Outcome = Literal["ok", "fails", "may-fail", "unknown"]

_NVIDIA: Final = ("nvidia", "unknown")
_SAID_BY: Final = {
    "service": "as the service sets it",
    "dockerfile": "as its Dockerfile sets it",
    "image": "as the configuration of its image says",
    "registry": "as the configuration of its image in the registry says",
    "table": "as the tag of its image says",
    "": "",
}


class CompatibilityResolver:
    """Answers for the hosts of one policy set. May be used by many threads at once."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        """Read the data of a policy set. Raises PolicySetError for tables that are not valid."""
        self._tables = Tables(data)
        hosts = data.get("policyd", {}).get("inventory", {}).get("hosts", {})
        try:
            self._hosts = msgspec.convert(hosts, dict[str, Host])
        except msgspec.ValidationError as error:
            raise PolicySetError(f"policyd.inventory.hosts: {error}") from error

    def resolve(self, workloads: Sequence[Workload], host: str) -> tuple[Workload, ...]:
        """Return `workloads`, which have their grants, with the answers for the host so named."""
        known = self._hosts.get(host)
        if known is None:
            return tuple(workloads)
        return tuple(self._resolved(workload, host, known) for workload in workloads)

    def _resolved(self, workload: Workload, name: str, host: Host) -> Workload:
        vendors = {grant.vendor for grant in effective_grants(workload)}
        answers: list[CompatibilityAnswer] = []
        if host.driver_version and vendors & set(_NVIDIA):
            answers += _Nvidia(workload, name, host, self._tables).answers()
        if "amd" in vendors:
            answers += _rocm(workload, name, host, self._tables)
        if "intel" in vendors:
            answers += _habana(workload, name, host, self._tables)
        return msgspec.structs.replace(workload, compatibility=tuple(answers))


class _Refusal(msgspec.Struct, frozen=True):
    """Why a requirement is not met: its variable, the device, the words of the toolkit."""

    variable: str
    device: str
    reason: str
    is_certain: bool


class _Nvidia:
    """The questions about one workload that gets NVIDIA GPUs of one host."""

    def __init__(self, workload: Workload, name: str, host: Host, tables: Tables) -> None:
        self._workload = workload
        self._name = name
        self._host = host
        self._tables = tables
        self._image = image_facts(workload, tables, host.architecture)
        self._path = tested_path(workload, host)
        self._gpus = _visible(workload, host)

    def answers(self) -> Iterator[CompatibilityAnswer]:
        yield self._start()
        if not self._image.cuda:
            message = "runs an image whose version of CUDA is not known, so its driver"
            message += f" and GPUs were not checked against the host {self._name}"
            yield CompatibilityAnswer("cuda", "unknown", "", message, self._image_path())
            return
        yield self._cuda("cuda", minor_version=True)
        yield self._cuda("cuda-exact", minor_version=False)
        yield self._architecture()

    # --- does it start ----------------------------------------------------------------------------

    def _start(self) -> CompatibilityAnswer:
        image, path = self._image, self._path
        source = image.requirement_source
        if path.is_tested is False:
            return self._answer("start", "ok", source, f"is not tested: {path.reason}")
        if not image.builds:
            message = "runs an image whose NVIDIA_REQUIRE_CUDA is not known, so whether the host "
            message += f"{self._name} refuses it was not checked"
            return CompatibilityAnswer("start", "unknown", "", message, self._image_path())
        refusals = [self._refusal(build) for build in image.builds]
        refusal = refusals[0]
        if refusal is None:
            return self._answer("start", "ok", source, "meets its requirements")
        doubts = [] if refusal.is_certain else ["its brand is not in the inventory"]
        doubts += [path.reason] if path.is_tested is None else []
        if None in refusals:
            doubts.append("the host accepts other builds of the same tag")
        if source == "table" and image.is_approximate:
            doubts.append("the version of CUDA in the image is not certain")
        if source == "table" and self._is_incomplete():
            doubts.append("the list of that version is not known in full")
        verb = "may be refused" if doubts else "is refused"
        message = f"{verb} when it starts: {refusal.device} does not meet {refusal.variable}, "
        message += f"{_SAID_BY[source]}: {refusal.reason}; {self._has()}"
        message += "".join(f"; {doubt}" for doubt in doubts)
        outcome: Outcome = "may-fail" if doubts else "fails"
        where = self._path_of(refusal.variable)
        return CompatibilityAnswer("start", outcome, source, message, where)

    def _refusal(self, build: Sequence[Requirement]) -> _Refusal | None:
        """Return the first refusal that is certain, else the first that is possible."""
        possible: _Refusal | None = None
        for requirement in build:
            for gpu in self._gpus:
                device, name = _shown(gpu), requirement.variable
                if reason := unmet(requirement, self._facts(gpu, ""), self._path.checker):
                    return _Refusal(name, device, reason, True)
                reason = unmet(requirement, self._facts(gpu, DOUBTFUL), self._path.checker)
                if reason and possible is None:
                    possible = _Refusal(name, device, reason, False)
        return possible

    def _facts(self, gpu: Gpu | None, unknown: str) -> Facts:
        """Return the facts about a GPU; `unknown` stands for what the inventory leaves out."""
        host = self._host
        if gpu is None:
            return Facts(host.cuda_version, host.driver_version)
        brand, arch = gpu.brand.lower() or unknown, gpu.compute_capability or unknown
        return Facts(host.cuda_version, host.driver_version, brand, arch)

    # --- do CUDA programs work --------------------------------------------------------------------

    def _cuda(
        self, question: Literal["cuda", "cuda-exact"], *, minor_version: bool
    ) -> CompatibilityAnswer:
        image, host = self._image, self._host
        needed = self._tables.driver_for(image.cuda, minor_version=minor_version)
        runs = not is_older(host.cuda_version, major_minor(image.cuda)) or bool(
            needed and not is_older(host.driver_version, needed)
        )
        if runs or self._has_forward_compatibility():
            return self._answer(question, "ok", image.cuda_source, "has a driver for its CUDA")
        driver = f"the driver {needed}" if needed else f"a driver for CUDA {image.cuda}"
        verb = "may not work" if image.is_approximate else "do not work"
        message = f"runs CUDA {image.cuda}, {_SAID_BY[image.cuda_source]}, whose programs {verb}: "
        message += f"it needs {driver}, and {self._has()}"
        outcome: Outcome = "may-fail" if image.is_approximate else "fails"
        return self._answer(question, outcome, image.cuda_source, message)

    def _has_forward_compatibility(self) -> bool:
        """Return whether the image's own libraries support the driver on each GPU."""
        text = (variable := self._image.variables.get(CUDA)) and variable.value
        text = text or self._image.forward_compatible
        return bool(text) and all(
            gpu is not None
            and gpu.brand.lower() not in self._tables.data.consumer_brands
            and allows(text or "", self._facts(gpu, DOUBTFUL))
            for gpu in self._gpus
        )

    def _is_incomplete(self) -> bool:
        """Return whether the unknown part of a list may name one of the GPUs."""
        brands = self._tables.data.consumer_brands
        return self._tables.is_incomplete(self._image.cuda) and not any(
            gpu is not None and gpu.brand.lower() in brands for gpu in self._gpus
        )

    # --- has the toolkit code for the GPU ---------------------------------------------------------

    def _architecture(self) -> CompatibilityAnswer:
        image = self._image
        oldest = self._tables.oldest_architecture(image.cuda)
        for gpu in self._gpus:
            if gpu and oldest and gpu.compute_capability:
                if not is_older(gpu.compute_capability, oldest):
                    continue
                verb = "may have" if image.is_approximate else "has"
                message = f"runs CUDA {image.cuda}, {_SAID_BY[image.cuda_source]}, which {verb} no "
                message += f"code for GPU {gpu.index} ({gpu.name or 'unknown model'}): its compute "
                message += f"capability is {gpu.compute_capability}, the oldest one is {oldest}"
                outcome: Outcome = "may-fail" if image.is_approximate else "fails"
                return self._answer("architecture", outcome, image.cuda_source, message)
        return self._answer("architecture", "ok", image.cuda_source, "has code for its GPUs")

    def _answer(
        self,
        question: Literal["start", "cuda", "cuda-exact", "architecture"],
        outcome: Outcome,
        source: CompatibilitySource,
        message: str,
    ) -> CompatibilityAnswer:
        path = self._image.cuda_path if question != "start" else self._image_path()
        return CompatibilityAnswer(question, outcome, source, message, path)

    def _has(self) -> str:
        host = self._host
        return (
            f"the host {self._name} has the driver {host.driver_version} (CUDA {host.cuda_version})"
        )

    def _image_path(self) -> Path:
        build = self._workload.build
        return build.dockerfile_path if build else (*self._workload.path, "image")

    def _path_of(self, name: str) -> Path:
        variable = self._image.variables.get(name)
        return variable.path if variable else self._image_path()


def _visible(workload: Workload, host: Host) -> tuple[Gpu | None, ...]:
    """Return the GPUs that `workload` gets; all if that is not known; None for a host without."""
    if not host.gpus:
        return (None,)
    by_device = {str(gpu.index): gpu for gpu in host.gpus}
    by_device |= {part.uuid.lower(): gpu for gpu in host.gpus for part in gpu.mig_devices}
    chosen: dict[int, Gpu] = {}
    for grant in effective_grants(workload):
        if grant.vendor in _NVIDIA:
            if grant.devices == "all":
                return host.gpus
            for identity in grant.identities:
                if identity in by_device:
                    chosen[by_device[identity].index] = by_device[identity]
    return tuple(chosen[index] for index in sorted(chosen)) or host.gpus


def _shown(gpu: Gpu | None) -> str:
    if gpu is None:
        return "the host"
    return f"GPU {gpu.index} (brand {gpu.brand.lower()})" if gpu.brand else f"GPU {gpu.index}"


def _rocm(
    workload: Workload, name: str, host: Host, tables: Tables
) -> Iterator[CompatibilityAnswer]:
    version = tables.rocm_version(image_reference(workload))
    needed = tables.data.rocm_drivers.get(major_minor(version), "")
    yield _driver(workload, name, "ROCm", version, needed, host.drivers.get("amd", ""))


def _habana(
    workload: Workload, name: str, host: Host, tables: Tables
) -> Iterator[CompatibilityAnswer]:
    version = tables.habana_version(image_reference(workload))
    present = host.drivers.get("habana", "")
    needed = major_minor(version)
    if version and present and is_older(needed, major_minor(present)):
        message = f"runs Intel Gaudi software {version}, {_SAID_BY['table']}, which comes with the "
        message += f"driver {needed}: it may fail with the driver {present} of the host {name}"
        path = (*workload.path, "image")
        yield CompatibilityAnswer("driver", "may-fail", "table", message, path)
    elif version or present:
        yield _driver(workload, name, "Intel Gaudi software", version, needed, present)


def _driver(
    workload: Workload, name: str, software: str, version: str, needed: str, present: str
) -> CompatibilityAnswer:
    """Return whether the driver of another vendor is recent enough for its software."""
    path = (*workload.path, "image")
    if not (version and needed and present):
        message = f"was not checked against the driver of the host {name}: the version of "
        message += f"{software} or of the driver is not known"
        return CompatibilityAnswer("driver", "unknown", "", message, path)
    if is_older(present, needed):
        message = f"runs {software} {version}, {_SAID_BY['table']}, which needs the driver "
        message += f"{needed} or newer: the host {name} has {present}"
        return CompatibilityAnswer("driver", "fails", "table", message, path)
    return CompatibilityAnswer("driver", "ok", "table", "has a driver for its software", path)
