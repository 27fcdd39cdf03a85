"""Return what is known of the image of a workload: its variables, its requirement, its toolkit.

In: a workload and the tables. Out: ImageFacts. What the service sets wins over its Dockerfile, that
over the image; what is not known of the image comes from the table of images, by its tag.
"""

from __future__ import annotations

from typing import Final

import msgspec

from policyd.compatibility.requirements import (
    CUDA,
    DISABLE,
    LEGACY,
    Requirement,
    is_true,
    requirements_of,
)
from policyd.compatibility.tables import LISTED, NONE, KnownImage, Tables
from policyd.lazy_pattern import lazy_pattern
from policyd.model import ImageConfig, Path
from policyd.workloads.model import CompatibilitySource, Workload

_ARM64: Final = ("arm64", "aarch64")
_VERSION: Final = lazy_pattern(r"[0-9]+\.[0-9]+")


class Variable(msgspec.Struct, frozen=True):
    """A variable of a container: its value, None for one that is removed, and who sets it."""

    value: str | None
    source: CompatibilitySource
    path: Path


class ImageFacts(msgspec.Struct, frozen=True):
    """What a container requires, and the version of the toolkit inside.

    `builds` are the requirements of each known build of the image, the newest first; empty if they
    are not known. `cuda` is the version of CUDA, "" if unknown.
    """

    builds: tuple[tuple[Requirement, ...], ...]
    requirement_source: CompatibilitySource
    cuda: str
    cuda_source: CompatibilitySource
    cuda_path: Path
    forward_compatible: str
    is_approximate: bool
    variables: dict[str, Variable]


def _source(config: ImageConfig) -> CompatibilitySource:
    return "registry" if config.source == "registry" else "image"


def image_reference(workload: Workload) -> str:
    """Return the image that a workload runs or is built from, "" if unknown."""
    return workload.build.base if workload.build else workload.image


def variables_of(workload: Workload) -> dict[str, Variable]:
    """Return the variables of a container, so far as the project says them."""
    found: dict[str, Variable] = {}
    path = workload.path
    if workload.image_config:
        image = (*path, "image") if not workload.build else workload.build.dockerfile_path
        for name, value in workload.image_config.environment.items():
            found[name] = Variable(value, _source(workload.image_config), image)
    if workload.build:
        place = workload.build.dockerfile_path
        for name, value in workload.build.environment.items():
            found[name] = Variable(value, "dockerfile", place)
    inherited = workload.inherited.environment if workload.inherited else {}
    for name, own in (inherited | workload.environment).items():
        found[name] = Variable(own, "service", (*path, "environment", name))
    return found


def image_facts(workload: Workload, tables: Tables, host_architecture: str) -> ImageFacts:
    """Return what is known of the image of `workload` for NVIDIA GPUs."""
    variables = variables_of(workload)
    known = tables.cuda_image(image_reference(workload))
    environment = {name: variable.value for name, variable in variables.items()}
    architecture = workload.platform.rpartition("/")[2] or host_architecture
    images = _known_values(known, tables, is_arm64=architecture in _ARM64)
    builds = tuple(requirements_of(image | environment) for image in images)
    deciding = _deciding(variables, known)
    source: CompatibilitySource = deciding.source if deciding else "table"
    if workload.image_config:
        source = deciding.source if deciding else _source(workload.image_config)
        builds = (requirements_of(environment),)
    elif deciding:
        builds = builds[:1] or (requirements_of(environment),)
    version, cuda_source, cuda_path = _cuda(workload, variables, known)
    lists = known.row.compat or known.row.require.startswith(LISTED) if known else False
    return ImageFacts(
        builds=builds,
        requirement_source=source if builds else "",
        cuda=version,
        cuda_source=cuda_source,
        cuda_path=cuda_path,
        forward_compatible=tables.requirements(version, False)[0] if lists and version else "",
        is_approximate=bool(known and known.row.approximate and cuda_source == "table"),
        variables=variables,
    )


def _deciding(variables: dict[str, Variable], known: KnownImage | None) -> Variable | None:
    """Return the variable of the project by which its requirement is known without the image."""
    disable, cuda, legacy = (variables.get(name) for name in (DISABLE, CUDA, LEGACY))
    if disable and is_true(disable.value):
        return disable
    if cuda and (cuda.value or (legacy and legacy.value)):
        return cuda
    is_legacy = legacy and legacy.value and not cuda and not known
    return legacy if is_legacy else None


def _known_values(
    known: KnownImage | None, tables: Tables, *, is_arm64: bool
) -> tuple[dict[str, str | None], ...]:
    """Return the variables of each build of a known image that decide on requirements."""
    if known is None:
        return ()
    require = known.row.require
    if require == NONE:
        return ({},)
    if not require.startswith(LISTED):
        return ({CUDA: require},)
    version = require.partition(":")[2] or known.version
    if not version:
        return ()
    texts = tables.requirements(version, is_arm64)
    return tuple({CUDA: text, LEGACY: version} for text in texts)


def _cuda(
    workload: Workload, variables: dict[str, Variable], known: KnownImage | None
) -> tuple[str, CompatibilitySource, Path]:
    said = variables.get(LEGACY)
    if said and said.value and _VERSION.match(said.value):
        return said.value, said.source, said.path
    path = (*workload.path, "image")
    if workload.build:
        path = workload.build.dockerfile_path
    return (known.version, "table", path) if known and known.version else ("", "", path)
