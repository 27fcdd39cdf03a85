"""Check the settings of a host that would make its gate incomplete.

In: a machine, and the name of the plugin. Out: a check for each setting: whether it is safe, what
was found, why it matters and how to change it. What cannot be read is unknown, and is told.
Sources: Docker's daemon.json and GET /info (Engine API 1.51); BuildKit entitlements; the
configuration of nvidia-container-toolkit 1.19; Docker security advisories on authorization plugins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from policyd.host.engine_info import WRAPPER
from policyd.host.engine_version import FIXED, state_of
from policyd.host_findings import Check, State
from policyd.inventory.engine import cdi_folders, engine, low_level_runtimes, toolkit
from policyd.inventory.hosts import NO_TOOLKIT, Toolkit
from policyd.inventory.machine import Machine

DAEMON_FILE: Final = "/etc/docker/daemon.json"
SAFE_TOOLKIT: Final = (1, 17, 8)
MAX_CONTAINERS: Final = 1_000
"""Containers whose runtime is looked at."""
MAX_SHOWN: Final = 5
"""Containers that are named."""
_PLAIN: Final = ("runc", "crun", "youki")
_OPEN: Final = re.compile(r"API is accessible on (\S+)")
"""A warning of the daemon about a listener without verified certificates, of a flag too."""


def checks(machine: Machine, plugin: str) -> list[Check]:
    """Return the checks of `machine`, whose gate is the authorization plugin `plugin`."""
    return list(_checks(machine, plugin))


def _checks(machine: Machine, plugin: str) -> Iterator[Check]:
    info = _mapping(_json(machine.output("docker", "info", "--format", "{{json .}}")))
    daemon = _mapping(machine.document(DAEMON_FILE))
    found = engine(machine)
    yield _engine_version(str(info.get("ServerVersion") or found.version))
    yield _plugin(info, daemon, plugin)
    yield _builder(daemon)
    yield from _runtimes(machine, found.default_runtime, found.runtimes)
    yield _cdi(found.cdi_devices)
    yield _cdi_folders(machine, cdi_folders(info, daemon))
    yield from _toolkit(toolkit(machine))
    yield _listeners(daemon, info)
    yield _swarm(info)


def _engine_version(version: str) -> Check:
    return Check(
        "Docker Engine",
        state_of(version),
        version or "unknown",
        "an engine without the fixes of CVE-2024-41110 and CVE-2026-34040 hides the body of some "
        "requests from plugins. The gate denies these requests. Whether a distribution fixed an "
        "older version cannot be known from its number",
        f"see whether your package has both, or install Docker Engine {_text(FIXED)} or newer",
    )


def _plugin(info: Mapping[str, Any], daemon: Mapping[str, Any], plugin: str) -> Check:
    running = _texts(_mapping(info.get("Plugins")).get("Authorization"))
    written = _texts(daemon.get("authorization-plugins"))
    if info and plugin in written and plugin not in running:
        return _check(
            "authorization-plugins",
            None,
            f"{plugin} in {DAEMON_FILE}; the daemon names {', '.join(running) or 'none'}",
            "the daemon shows the list with which it started, also after a reload",
            "try a request that must be denied, or restart the daemon",
        )
    names = running if info else written
    return _check(
        "authorization-plugins",
        plugin in names if info or daemon else None,
        ", ".join(names) or "none",
        "without the plugin, the daemon asks nobody",
        f'add "authorization-plugins": ["{plugin}"] to {DAEMON_FILE}, and reload the daemon',
    )


def _builder(daemon: Mapping[str, Any]) -> Check:
    builder = _mapping(_mapping(daemon.get("builder")).get("entitlements"))
    devices = builder.get("device")
    return _check(
        "builder.entitlements.device",
        devices is False,
        "not set" if devices is None else str(devices).lower(),
        "a build may ask for devices, and the daemon does not show it to plugins",
        f'set "builder": {{"entitlements": {{"device": false}}}} in {DAEMON_FILE}',
    )


def _runtimes(machine: Machine, default: str, runtimes: Mapping[str, str]) -> Iterator[Check]:
    path = runtimes.get(default, default)
    has_wrapper = WRAPPER in path or default == "policyd" or _is_below(machine, path)
    yield _check(
        "default-runtime",
        None if not default else has_wrapper,
        f"{default} ({path})" if path != default else default,
        "variables of an image, links to devices, and tasks of a swarm are only seen by the "
        "runtime",
        "run policyd host install-runtime, and make it the default runtime",
    )
    raw = [
        name
        for name, where in sorted(runtimes.items())
        if name != default and "policyd-runtime" not in where and not _is_plain(name, where)
    ]
    yield _check(
        "runtimes",
        not raw if runtimes else None,
        ", ".join(raw) or "only plain runtimes",
        "a container that names another runtime is created without the wrapper",
        f"remove {', '.join(raw) or 'them'} from {DAEMON_FILE}, or wrap them",
    )
    if has_wrapper:
        asking = {default, *(name for name, where in runtimes.items() if WRAPPER in where)}
        yield _older_containers(machine, asking)


def _is_below(machine: Machine, path: str) -> bool:
    """Return whether the runtime of NVIDIA at `path` runs policyd-runtime."""
    below = low_level_runtimes(machine)
    return path.rpartition("/")[2].startswith("nvidia-container-runtime") and (
        bool(below) and WRAPPER in below[0]
    )


def _older_containers(machine: Machine, asking: AbstractSet[str]) -> Check:
    """Return the check of the containers whose runtime is none of `asking`."""
    listed = machine.output("docker", "ps", "--all", "--quiet", "--no-trunc")
    form, ids = "{{.Name}} {{.HostConfig.Runtime}}", (listed or "").split()[:MAX_CONTAINERS]
    known = machine.output("docker", "inspect", "--format", form, *ids) if ids else listed
    pairs = [line.split() for line in (known or "").splitlines()]
    others = [pair[0].lstrip("/") for pair in pairs if len(pair) == 2 and pair[1] not in asking]
    shown = ", ".join(others[:MAX_SHOWN]) + (", …" if len(others) > MAX_SHOWN else "")
    return _check(
        "runtimes of containers",
        None if known is None else not others,
        shown or ("" if known is None else f"policyd-runtime, of all {len(pairs)} containers"),
        "a container keeps the runtime that it was created with, and the daemon restarts it "
        "without asking plugins",
        "create them again: docker compose up --force-recreate",
    )


def _is_plain(name: str, path: str) -> bool:
    # The engine's own names of runc; nothing is asked there either, but no accelerator is added.
    return path.rpartition("/")[2] in _PLAIN or name.startswith("io.containerd.run")


def _cdi(devices: Sequence[str] | None) -> Check:
    everything = [name for name in devices or () if name.endswith("=all")]
    return _check(
        "CDI devices",
        None if devices is None else True,
        f"{len(devices or ())}" + (f", with {', '.join(everything)}" if everything else ""),
        "names of CDI devices can be asked for as devices; the inventory must know them",
        "run policyd inventory collect, and add the file to the policy set",
    )


def _cdi_folders(machine: Machine, folders: Sequence[str]) -> Check:
    """Return the check of the folders whose files say what the names of CDI devices mean."""
    writable = [folder for folder in folders if machine.is_writable_by_others(folder)]
    return _check(
        "cdi-spec-dirs",
        not writable,
        ", ".join(writable or folders),
        "whoever can write a file there gives any device of the host to containers, under the name "
        "of a device that may be granted",
        f"make {', '.join(writable) or 'them'} and the folders above writable by root only",
    )


def _toolkit(found: Toolkit) -> Iterator[Check]:
    known = found != NO_TOOLKIT
    yield _check(
        "NVIDIA Container Toolkit",
        None if not found.version else _numbers(found.version) >= SAFE_TOOLKIT,
        found.version or ("configured, version unknown" if known else "not found"),
        "older versions let a container escape to the host (CVE-2024-0132, CVE-2025-23266). Which "
        "version fixes CVE-2026-24260 is not known here",
        f"install version {_text(SAFE_TOOLKIT)} or newer, better the newest; see NVIDIA's security "
        "bulletins",
    )
    if not known:
        return
    yield _check(
        "accept-nvidia-visible-devices-envvar-when-unprivileged",
        not found.environment_when_unprivileged,
        str(found.environment_when_unprivileged).lower(),
        "NVIDIA_VISIBLE_DEVICES in an image or a project gives GPUs without a request",
        "set it to false in the toolkit's config.toml",
    )
    yield _check(
        "accept-nvidia-visible-devices-as-volume-mounts",
        not found.volume_mounts,
        str(found.volume_mounts).lower(),
        "a mount below /var/run/nvidia-container-devices gives GPUs",
        "set it to false in the toolkit's config.toml",
    )
    yield _check(
        "nvidia-container-runtime.mode",
        found.mode not in ("legacy", "csv"),
        found.mode or "auto",
        "in this mode, devices are made after the runtime has seen the container",
        'set it to "cdi" or "auto" in the toolkit\'s config.toml',
    )
    yield _check(
        "swarm-resource",
        not found.swarm_resource,
        found.swarm_resource or "not set",
        "the named variables give GPUs as NVIDIA_VISIBLE_DEVICES does",
        "remove it from the toolkit's config.toml",
    )


def _listeners(daemon: Mapping[str, Any], info: Mapping[str, Any]) -> Check:
    hosts = daemon.get("hosts")
    named = [str(one) for one in hosts] if isinstance(hosts, list) else []
    remote = [one for one in named if one.startswith("tcp://")]
    verified = daemon.get("tlsverify") is True
    warnings = info.get("Warnings")
    warned = _OPEN.findall("\n".join(map(str, warnings if isinstance(warnings, list) else ())))
    return _check(
        "hosts",
        not warned and (not remote or verified),
        ", ".join(dict.fromkeys([*remote, *warned])) or "no TCP listener",
        "whoever reaches the port is root on this host, and has no name in decisions",
        f'set "tlsverify": true with certificates in {DAEMON_FILE}, or remove the listener',
    )


def _swarm(info: Mapping[str, Any]) -> Check:
    state = str(_mapping(info.get("Swarm")).get("LocalNodeState") or "")
    return _check(
        "swarm",
        None if not info else state in ("", "inactive"),
        state or "unknown",
        "the daemon starts the tasks of services without asking plugins",
        "leave the swarm (docker swarm leave), or install the runtime",
    )


def _check(setting: str, safe: bool | None, found: str, why: str, change: str) -> Check:
    states: dict[bool | None, State] = {True: "ok", False: "unsafe", None: "unknown"}
    return Check(setting, states[safe], found or "unknown", why, change)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _text(numbers: Sequence[int]) -> str:
    return ".".join(map(str, numbers))


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
