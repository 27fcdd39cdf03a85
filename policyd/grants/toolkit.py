"""What the NVIDIA Container Toolkit of a host lets a container select.

In: a container, and the settings of the toolkit that the inventory has for its host. Out: which
selections count. Where the inventory has no settings, everything counts that any settings permit.
Sources: nvidia-container-toolkit 1.18 internal/config/image (VisibleDevices, visibleEnvVars,
IsPrivileged, IsLegacy); 1.17 cmd/nvidia-container-runtime-hook (getDevices,
getSwarmResourceEnvvars).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from policyd.grants.container import Container

FAMILY: Final = "nvidia"
"""The family of runtimes that the toolkit belongs to."""

_ADMINISTRATION: Final = ("ALL", "SYS_ADMIN")
"""Capabilities that make a container privileged for the toolkit."""


def selects_all_without_variable(environment: Mapping[str, str | None]) -> bool:
    """Return whether a container with `environment` gets every GPU without a selecting variable.

    The toolkit takes its image for one that is older than the variable.
    """
    return (
        bool(environment.get("CUDA_VERSION"))
        and not environment.get("NVIDIA_REQUIRE_CUDA")
        and "NVIDIA_VISIBLE_DEVICES" not in environment
    )


def accepts_variables(container: Container, family: str) -> bool:
    """Return whether variables and the image of `container` select devices of `family`.

    accept-nvidia-visible-devices-envvar-when-unprivileged may limit them to privileged containers.
    """
    toolkit = container.host.toolkit
    if family != FAMILY or toolkit is None or toolkit.environment_when_unprivileged:
        return True
    return _is_privileged(container)


def accepts_volume_requests(container: Container) -> bool:
    """Return whether mounts of /dev/null request devices on the host.

    That is accept-nvidia-visible-devices-as-volume-mounts.
    """
    toolkit = container.host.toolkit
    return toolkit is None or toolkit.volume_mounts


def reads(container: Container, variable: str, family: str) -> bool:
    """Return whether the runtime of `family` reads `variable` in the environment of `container`.

    The variables of swarm-resource replace NVIDIA_VISIBLE_DEVICES in a container that has one of
    them. Other variables of a Swarm resource select nothing on a host whose settings are known.
    """
    if not accepts_variables(container, family):
        return False
    if family != FAMILY or container.host.toolkit is None:
        return True
    swarm = container.host.swarm_variables
    if any(container.environment.get(name) is not None for name in swarm):
        return variable in swarm
    return variable in container.tables.variables


def _is_privileged(container: Container) -> bool:
    capabilities = {name.upper().removeprefix("CAP_") for name in container.cap_add}
    return container.is_privileged or not capabilities.isdisjoint(_ADMINISTRATION)
