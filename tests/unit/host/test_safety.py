"""The checks of a host, on machines of files, and how they are printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from policyd.formats.host_safety import checks_json, checks_text
from policyd.host.safety import checks
from policyd.inventory.machine import Machine

SAFE = {
    "authorization-plugins": ["policyd"],
    "builder": {"entitlements": {"device": False}},
    "default-runtime": "policyd",
    "runtimes": {"policyd": {"path": "/usr/local/sbin/policyd-runtime"}},
}
TOOLKIT = """\
accept-nvidia-visible-devices-envvar-when-unprivileged = false
[nvidia-container-runtime]
mode = "cdi"
"""


def states(folder: Path, daemon: dict[str, Any], toolkit: str = "") -> dict[str, str]:
    """Return the state of each setting of a machine with these files."""
    (folder / "etc/docker").mkdir(parents=True, exist_ok=True)
    (folder / "etc/docker/daemon.json").write_text(json.dumps(daemon))
    if toolkit:
        (folder / "etc/nvidia-container-runtime").mkdir(exist_ok=True)
        (folder / "etc/nvidia-container-runtime/config.toml").write_text(toolkit)
    return {one.setting: one.state for one in checks(Machine(folder), "policyd")}


def test_a_safe_host_has_no_unsafe_setting(tmp_path: Path) -> None:
    assert states(tmp_path, SAFE, TOOLKIT) == {
        "Docker Engine": "unknown",
        "authorization-plugins": "ok",
        "builder.entitlements.device": "ok",
        "default-runtime": "ok",
        "runtimes": "ok",
        "CDI devices": "ok",
        "NVIDIA Container Toolkit": "unknown",
        "accept-nvidia-visible-devices-envvar-when-unprivileged": "ok",
        "accept-nvidia-visible-devices-as-volume-mounts": "ok",
        "swarm-resource": "ok",
        "hosts": "ok",
        "swarm": "unknown",
    }


def test_each_setting_that_opens_a_way_is_unsafe(tmp_path: Path) -> None:
    nvidia = {**SAFE["runtimes"], "nvidia": {"path": "/usr/bin/nvidia-container-runtime"}}
    changes: list[tuple[str, dict[str, Any], str]] = [
        ("authorization-plugins", {"authorization-plugins": ["other"]}, ""),
        ("builder.entitlements.device", {"builder": {}}, ""),
        ("default-runtime", {"default-runtime": "runc"}, ""),
        ("runtimes", {"runtimes": nvidia}, ""),
        ("hosts", {"hosts": ["unix:///run/docker.sock", "tcp://0.0.0.0:2375"]}, ""),
        ("accept-nvidia-visible-devices-envvar-when-unprivileged", {}, 'swarm-resource = ""\n[a]'),
        (
            "accept-nvidia-visible-devices-as-volume-mounts",
            {},
            "accept-nvidia-visible-devices-as-volume-mounts = true\n" + TOOLKIT,
        ),
        ("swarm-resource", {}, 'swarm-resource = "DOCKER_RESOURCE_GPU"\n' + TOOLKIT),
    ]
    for setting, daemon, toolkit in changes:
        found = states(tmp_path, SAFE | daemon, toolkit or TOOLKIT)
        if setting.endswith("unprivileged"):
            found = states(tmp_path, SAFE, TOOLKIT.replace("false", "true") + 'x = "1"\n')
        assert [name for name, state in found.items() if state == "unsafe"] == [setting]


def test_a_listener_with_verified_certificates_is_safe(tmp_path: Path) -> None:
    daemon = SAFE | {"hosts": ["tcp://0.0.0.0:2376"], "tlsverify": True}

    assert states(tmp_path, daemon)["hosts"] == "ok"


def test_a_setting_that_is_not_ok_says_why_and_what_to_change(tmp_path: Path) -> None:
    states(tmp_path, SAFE | {"default-runtime": "runc"})
    found = checks(Machine(tmp_path), "policyd")

    text = checks_text(found)
    assert "UNSAFE  default-runtime: runc\n        Why: variables of an image" in text
    assert "        Change: run policyd host install-runtime, and make it the default" in text
    assert text.endswith("Unsafe settings: 1 of 9 (3 unknown).\n")
    (unsafe,) = [one for one in json.loads(checks_json(found))["items"] if one["state"] == "unsafe"]
    assert unsafe["setting"] == "default-runtime"
