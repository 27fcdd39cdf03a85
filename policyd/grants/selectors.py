"""Grants by a runtime and by the variables that select devices for one.

In: a container. Out: its selecting variables, and declarations of the methods runtime and
environment. Sources: nvidia-container-toolkit internal/config/image (IsLegacy, VisibleDevices);
ROCm container-toolkit internal/oci (getAMDEnv); docker-swarm.md there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from policyd.grants import toolkit
from policyd.grants.container import Container
from policyd.grants.runtimes import UNKNOWN, VETTED
from policyd.grants.selection import RULES, Selection
from policyd.grants.tables import Tables
from policyd.model import Certainty
from policyd.workloads.model import GrantDeclaration, Selector

_LEGACY_FAMILY: Final = toolkit.FAMILY


def selectors(container: Container) -> tuple[Selector, ...]:
    """Return the variables of `container` that select devices, in order of their names."""
    steering = _Steering(container)
    return tuple(
        Selector(
            name=name,
            value=container.environment[name],
            family=family,
            path=container.path_of(name),
            steers=steering.has(name, family),
        )
        for name, family in sorted(steering.families(container.own_variables))
    )


def granted(container: Container, found: tuple[Selector, ...]) -> Iterator[GrantDeclaration]:
    """Yield the grants by the runtime and by the selecting variables `found`."""
    yield from _by_runtime(container, found)
    for selector in found:
        if (
            selector.value is not None
            and not selector.steers
            and toolkit.reads(container, selector.name, selector.family)
        ):
            yield from _by_variable(container, selector)
    if container.service is None:
        yield from _by_legacy_image(container)


def family_of_variable(name: str, tables: Tables) -> str:
    """Return the family whose runtimes read the variable `name`; "" if it selects nothing."""
    family = tables.variables.get(name)
    if family is not None:
        return family
    for prefix, parts in tables.data.selectors.prefixes.items():
        if name.startswith(prefix):
            rest = name.removeprefix(prefix)
            return next((tables.family_of(parts[part]) for part in parts if part in rest), "")
    return ""


class _Steering:
    """Which variables the runtime of a container reads."""

    def __init__(self, container: Container) -> None:
        self.tables = container.tables
        self.family = container.runtime_class
        self.swarm_variables = container.host.swarm_variables
        self.prefixes = tuple(self.tables.family(self.family).runtime_prefixes)
        known = self.tables.data.selectors.prefixes
        self.all_prefixes = (*known, *self.prefixes)

    def families(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Yield those of `names` that select devices, each with its family."""
        for name in names:
            is_known = name in self.tables.variables or name in self.swarm_variables
            if is_known or name.startswith(self.all_prefixes):
                family = self.family_of(name)
                if family:
                    yield name, family

    def family_of(self, name: str) -> str:
        if self.prefixes and name.startswith(self.prefixes):
            return self.family
        if name in self.swarm_variables:
            return toolkit.FAMILY
        return family_of_variable(name, self.tables)

    def has(self, name: str, family: str) -> bool:
        return family == self.family and (
            name in self.tables.variables
            or name in self.swarm_variables
            or bool(self.prefixes and name.startswith(self.prefixes))
        )


def _by_runtime(container: Container, own: tuple[Selector, ...]) -> Iterator[GrantDeclaration]:
    """Yield the grant of the runtime that `container` names.

    The runtime of a service counts for its hook if the hook steers it differently.
    """
    workload, family = container.workload, container.runtime_class
    steers = [selector for selector in own if selector.steers]
    if family in ("", VETTED) or not (workload.runtime or steers):
        return
    path = (*workload.path, "runtime") if workload.runtime else steers[0].path
    if family == UNKNOWN:
        text = f"runtime: {container.runtime}"
        yield container.selected("runtime", "unknown", "all", path, text)
        return
    if not toolkit.accepts_variables(container, family):
        return
    read = _Steering(container)
    values = {
        name: value
        for name, owner in read.families(container.environment)
        if read.has(name, owner)
        and toolkit.reads(container, name, owner)
        and (value := container.environment[name]) is not None
    }
    devices = _selected_by_runtime(container, values)
    if devices != ():
        yield container.selected(
            "runtime",
            container.tables.family(family).vendor,
            devices,
            path,
            _runtime_text(container, values),
            family=family,
        )


def _selected_by_runtime(container: Container, values: dict[str, str]) -> Selection:
    family = container.tables.family(container.runtime_class)
    if not values:
        return () if family.needs_variable else "all"
    return _union([RULES[family.rule](values[name], True) for name in sorted(values)])


def _union(selections: list[Selection]) -> Selection:
    ids: list[str] = []
    for selection in selections:
        if selection == "all":
            return "all"
        ids += selection
    return tuple(ids)


def _runtime_text(container: Container, values: dict[str, str]) -> str:
    name = container.runtime
    if values:
        return f"runtime: {name}, {', '.join(f'{key}={values[key]}' for key in sorted(values))}"
    family = container.runtime_class
    variables = container.tables.variables
    missing = next((key for key, owner in variables.items() if owner == family), "")
    return f"runtime: {name} without {missing}" if missing else f"runtime: {name}"


def _by_variable(container: Container, selector: Selector) -> Iterator[GrantDeclaration]:
    family = container.tables.family(selector.family)
    devices = RULES[family.rule](selector.value or "", False)
    if devices != ():
        yield _environment_grant(
            container,
            container.selected(
                "environment",
                family.vendor,
                devices,
                selector.path,
                f"{selector.name}={selector.value}",
                form="variable",
                family=selector.family,
            ),
        )


def _by_legacy_image(container: Container) -> Iterator[GrantDeclaration]:
    """Yield every GPU for an image that the toolkit takes for a legacy CUDA image."""
    environment = container.environment
    if (
        not toolkit.selects_all_without_variable(environment)
        or container.requests
        or container.runtime_class == _LEGACY_FAMILY
        or not toolkit.reads(container, "NVIDIA_VISIBLE_DEVICES", _LEGACY_FAMILY)
    ):
        return
    yield _environment_grant(
        container,
        container.selected(
            "environment",
            container.tables.family(_LEGACY_FAMILY).vendor,
            "all",
            container.path_of("CUDA_VERSION"),
            f"CUDA_VERSION={environment['CUDA_VERSION']} without NVIDIA_REQUIRE_CUDA",
            form="legacy-image",
            family=_LEGACY_FAMILY,
        ),
    )


def _environment_grant(container: Container, grant: GrantDeclaration) -> GrantDeclaration:
    """Return `grant` with its certainty: the default runtime of the host decides."""
    is_certain = not container.runtime and container.host.default_class == grant.family
    certainty: Certainty = "certain" if is_certain else "default-runtime"
    return msgspec.structs.replace(grant, certainty=certainty)
