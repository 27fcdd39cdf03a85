"""Check the settings of a host that would make its gate incomplete.

In: a machine, and the name of the plugin. Out: a check for each setting: whether it is safe, what
was found, why it matters and how to change it. What cannot be read is unknown, and is told.
Sources: Docker's daemon.json and GET /info (Engine API 1.51); BuildKit entitlements; the
configuration of nvidia-container-toolkit 1.19; Docker security advisories on authorization plugins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from policyd.host_findings import Check, State
from policyd.inventory.engine import engine, toolkit
from policyd.inventory.hosts import NO_TOOLKIT, Toolkit
from policyd.inventory.machine import Machine

DAEMON_FILE: Final = "/etc/docker/daemon.json"
SAFE_ENGINE: Final = (29, 3, 1)
"""The first version whose daemon shows large bodies to plugins."""
SAFE_TOOLKIT: Final = (1, 17, 8)
_PLAIN: Final = ("runc", "crun", "youki")


def checks(machine: Machine, plugin: str) -> list[Check]:
    """Return the checks of `machine`, whose gate is the authorization plugin `plugin`."""
    return list(_checks(machine, plugin))


def _checks(machine: Machine, plugin: str) -> Iterator[Check]:
    info = _mapping(_json(machine.output("docker", "info", "--format", "{{json .}}")))
    daemon = _mapping(machine.document(DAEMON_FILE))
    found = engine(machine)
    yield _engine_version(found.version)
    yield _plugin(info, daemon, plugin)
    yield _builder(daemon)
    yield from _runtimes(found.default_runtime, found.runtimes)
    yield _cdi(found.cdi_devices)
    yield from _toolkit(toolkit(machine))
    yield _listeners(daemon)
    yield _swarm(info)


def _engine_version(version: str) -> Check:
    return _check(
        "Docker Engine",
        None if not version else _numbers(version) >= SAFE_ENGINE,
        version,
        "older engines do not show the body of some requests to plugins, or show another one; "
        "the gate denies what it does not see",
        f"install Docker Engine {_text(SAFE_ENGINE)} or newer",
    )


def _plugin(info: Mapping[str, Any], daemon: Mapping[str, Any], plugin: str) -> Check:
    running = _mapping(info.get("Plugins")).get("Authorization")
    named = running if info else daemon.get("authorization-plugins")
    names = [str(one) for one in named] if isinstance(named, list) else []
    return _check(
        "authorization-plugins",
        plugin in names if info or daemon else None,
        ", ".join(names) or "none",
        "without the plugin, the daemon asks nobody",
        f'add "authorization-plugins": ["{plugin}"] to {DAEMON_FILE}, and restart the daemon',
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


def _runtimes(default: str, runtimes: Mapping[str, str]) -> Iterator[Check]:
    path = runtimes.get(default, default)
    has_wrapper = "policyd-runtime" in path or default == "policyd"
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


def _toolkit(found: Toolkit) -> Iterator[Check]:
    known = found != NO_TOOLKIT
    yield _check(
        "NVIDIA Container Toolkit",
        None if not found.version else _numbers(found.version) >= SAFE_TOOLKIT,
        found.version or ("configured, version unknown" if known else "not found"),
        "older versions let a container escape to the host",
        f"install version {_text(SAFE_TOOLKIT)} or newer",
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
        "swarm-resource",
        not found.swarm_resource,
        found.swarm_resource or "not set",
        "the named variables give GPUs as NVIDIA_VISIBLE_DEVICES does",
        "remove it from the toolkit's config.toml",
    )


def _listeners(daemon: Mapping[str, Any]) -> Check:
    hosts = daemon.get("hosts")
    named = [str(one) for one in hosts] if isinstance(hosts, list) else []
    remote = [one for one in named if one.startswith("tcp://")]
    verified = daemon.get("tlsverify") is True
    return _check(
        "hosts",
        not remote or verified,
        ", ".join(remote) or "no TCP listener",
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


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
