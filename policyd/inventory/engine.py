"""Return the settings of the container engine and of the NVIDIA Container Toolkit of a machine.

In: a machine. Out: the fields of Host about them. Sources: Docker Engine API /info and daemon.json;
the CDI specification 0.8 (kind, devices); the configuration of nvidia-container-toolkit 1.17.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from policyd.inventory.hosts import NO_TOOLKIT, Mode, Toolkit
from policyd.inventory.machine import Machine, below

_DAEMON: Final = "/etc/docker/daemon.json"
_CDI_FOLDERS: Final = ("/etc/cdi", "/var/run/cdi", "/run/cdi")
_TOOLKIT_FILES: Final = (
    "/etc/nvidia-container-runtime/config.toml",
    "/usr/local/nvidia/toolkit/.config/nvidia-container-runtime/config.toml",
)
_TOOLKIT_PROGRAMS: Final = ("nvidia-ctk", "nvidia-container-runtime")
_MODES: Final[tuple[Mode, ...]] = ("auto", "legacy", "cdi", "jit-cdi", "csv")
_DOCKER_RUNTIME: Final = "runc"
"""The default runtime of an engine whose daemon.json names none."""

_VERSION: Final = re.compile(r"([0-9]+(?:\.[0-9]+){1,3})")


class Engine(NamedTuple):
    """The engine: each field is empty if it is not known."""

    version: str = ""
    default_runtime: str = ""
    runtimes: dict[str, str] = {}
    cdi_devices: tuple[str, ...] | None = None


def engine(machine: Machine) -> Engine:
    """Return what the Docker engine of `machine` reports, else what its daemon.json says."""
    info = _mapping(_json(machine.output("docker", "info", "--format", "{{json .}}")))
    daemon = _mapping(machine.document(_DAEMON))
    runtimes = _runtimes(_mapping(daemon.get("runtimes"))) | _runtimes(
        _mapping(info.get("Runtimes"))
    )
    default = str(info.get("DefaultRuntime") or daemon.get("default-runtime") or "")
    if not default and (daemon or machine.exists(_DAEMON)):
        default = _DOCKER_RUNTIME
    return Engine(
        version=_version(str(info.get("ServerVersion") or "")),
        default_runtime=default,
        runtimes=dict(sorted(runtimes.items())),
        cdi_devices=_cdi_devices(machine, cdi_folders(info, daemon)),
    )


def cdi_folders(info: Mapping[str, Any], daemon: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the folders of CDI specifications: by GET /info, else by daemon.json, else usual."""
    for found in (info.get("CDISpecDirs"), daemon.get("cdi-spec-dirs")):
        if isinstance(found, list) and found:
            return tuple(str(folder) for folder in found if str(folder).startswith("/"))
    return _CDI_FOLDERS


def _cdi_devices(machine: Machine, folders: Iterable[str]) -> tuple[str, ...] | None:
    """Return the names of the CDI devices of `machine`; None if its folders cannot be read."""
    names = {name for folder in folders for name in _cdi_names(machine, folder)}
    return tuple(sorted(names)) if machine.exists("/etc") else None


def toolkit(machine: Machine) -> Toolkit:
    """Return the version and the settings of the NVIDIA Container Toolkit of `machine`."""
    config = _toolkit_config(machine)
    runtime = _mapping(config.get("nvidia-container-runtime"))
    found = Toolkit(
        version=_toolkit_version(machine),
        mode=next((mode for mode in _MODES if mode == runtime.get("mode")), ""),
        disable_require=config.get("disable-require") is True,
        environment_when_unprivileged=config.get(
            "accept-nvidia-visible-devices-envvar-when-unprivileged"
        )
        is not False,
        volume_mounts=config.get("accept-nvidia-visible-devices-as-volume-mounts") is True,
        swarm_resource=str(config.get("swarm-resource") or ""),
    )
    return NO_TOOLKIT if found == NO_TOOLKIT else found


def low_level_runtimes(machine: Machine) -> tuple[str, ...]:
    """Return the runtimes that the runtime of NVIDIA runs: the first that exists."""
    runtimes = _mapping(_toolkit_config(machine).get("nvidia-container-runtime")).get("runtimes")
    return tuple(map(str, runtimes)) if isinstance(runtimes, list) else ()


def _cdi_names(machine: Machine, folder: str) -> Iterator[str]:
    for path in below(machine, folder):
        if path.endswith((".yaml", ".json")):
            specification = _mapping(machine.document(path))
            devices = specification.get("devices")
            for device in devices if isinstance(devices, list) else ():
                yield f"{specification.get('kind', '')}={_mapping(device).get('name', '')}"


def _runtimes(found: Mapping[str, Any]) -> dict[str, str]:
    """Return path or type of each runtime; an engine without either calls runc by its name."""
    result: dict[str, str] = {}
    for name, value in found.items():
        settings = _mapping(value)
        said = settings.get("path") or settings.get("runtimeType") or settings.get("type")
        result[name] = str(said or name)
    return result


def _toolkit_config(machine: Machine) -> Mapping[str, Any]:
    for path in _TOOLKIT_FILES:
        text = machine.text(path)
        if text is not None:
            try:
                return tomllib.loads(text)
            except tomllib.TOMLDecodeError:
                return {}
    return {}


def _toolkit_version(machine: Machine) -> str:
    for program in _TOOLKIT_PROGRAMS:
        if version := _version(machine.output(program, "--version") or ""):
            return version
    return ""


def _version(text: str) -> str:
    found = _VERSION.search(text)
    return found[1] if found else ""


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
