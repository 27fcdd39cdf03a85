"""The checks of a host, on machines of files, and how they are printed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from policyd.formats.host_safety import checks_json, checks_text
from policyd.host.safety import checks
from policyd.host_findings import Check
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
        "runtimes of containers": "unknown",
        "CDI devices": "ok",
        "cdi-spec-dirs": "ok",
        "NVIDIA Container Toolkit": "unknown",
        "accept-nvidia-visible-devices-envvar-when-unprivileged": "ok",
        "accept-nvidia-visible-devices-as-volume-mounts": "ok",
        "nvidia-container-runtime.mode": "ok",
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
    assert text.endswith("Unsafe settings: 1 of 10 (3 unknown).\n")
    (unsafe,) = [one for one in json.loads(checks_json(found))["items"] if one["state"] == "unsafe"]
    assert unsafe["setting"] == "default-runtime"


class Mounted(Machine):
    """A machine of files whose programs run."""

    _is_running = True


DOCKER = """\
#!/bin/sh
case "$1" in
info) cat "$FOLDER/info.json";;
ps) cat "$FOLDER/ids";;
inspect) cat "$FOLDER/containers";;
*) exit 1;;
esac
"""
INFO = {
    "ServerVersion": "29.3.1",
    "DefaultRuntime": "policyd",
    "Plugins": {"Authorization": ["policyd"]},
    "Swarm": {"LocalNodeState": "inactive"},
}


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Check]]:
    """A function that returns the checks of a machine whose daemon runs."""
    program = tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER.replace("$FOLDER", str(tmp_path)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")

    def make(containers: str = "", toolkit: str = "", **info: Any) -> dict[str, Check]:
        states(tmp_path, SAFE, toolkit)
        (tmp_path / "info.json").write_text(json.dumps({**INFO, **info}))
        (tmp_path / "ids").write_text("".join(f"{line}\n" for line in containers.splitlines()))
        (tmp_path / "containers").write_text(containers)
        return {one.setting: one for one in checks(Mounted(tmp_path), "policyd")}

    return make


def test_a_daemon_that_runs_is_asked(running) -> None:
    found = running()

    assert {one.state for one in found.values()} <= {"ok", "unknown"}
    assert found["Docker Engine"].state == "ok"
    assert found["swarm"].found == "inactive"


def test_containers_that_are_older_than_policyd_runtime_are_named(running) -> None:
    found = running("/web policyd\n/old runc\n/db runc\n")["runtimes of containers"]

    assert (found.state, found.found) == ("unsafe", "old, db")
    many = "".join(f"/c{number} runc\n" for number in range(7))
    assert running(many)["runtimes of containers"].found == "c0, c1, c2, c3, c4, …"
    found = running("/web policyd\n")["runtimes of containers"]
    assert (found.state, found.found) == ("ok", "policyd-runtime, of all 1 containers")
    assert running()["runtimes of containers"].state == "ok"


def test_a_daemon_names_the_plugins_of_its_start(running) -> None:
    found = running(Plugins={"Authorization": None})["authorization-plugins"]

    assert found.state == "unknown"
    assert found.found == "policyd in /etc/docker/daemon.json; the daemon names none"


def test_a_listener_of_a_flag_is_found_by_the_warning_of_the_daemon(running) -> None:
    warning = "WARNING: API is accessible on http://0.0.0.0:2375 without encryption."
    found = running(Warnings=[warning, "WARNING: No swap limit support"])["hosts"]

    assert (found.state, found.found) == ("unsafe", "http://0.0.0.0:2375")
    assert running(Warnings=None)["hosts"].state == "ok"


def test_policyd_runtime_may_be_below_the_runtime_of_nvidia(running) -> None:
    nvidia = {"path": "/usr/bin/nvidia-container-runtime"}
    info = {"DefaultRuntime": "nvidia", "Runtimes": {"nvidia": nvidia}}
    below = '\nruntimes = ["/usr/local/sbin/policyd-runtime", "runc"]\n'

    assert running(toolkit=TOOLKIT, **info)["default-runtime"].state == "unsafe"
    assert running(toolkit=TOOLKIT + below, **info)["default-runtime"].state == "ok"


def test_a_folder_of_cdi_specifications_that_others_may_write_is_unsafe(tmp_path: Path) -> None:
    folder = tmp_path / "srv/cdi"
    folder.mkdir(parents=True)
    daemon = {**SAFE, "cdi-spec-dirs": ["/etc/cdi", "/srv/cdi", "/not/there"]}
    found = []
    for where, mode in ((folder, 0o755), (folder, 0o775), (folder.parent, 0o757)):
        folder.chmod(0o755)
        where.chmod(mode)
        states(tmp_path, daemon)
        [check] = [
            one for one in checks(Machine(tmp_path), "policyd") if one.setting == "cdi-spec-dirs"
        ]
        found.append((check.state, check.found))

    assert found == [
        ("ok", "/etc/cdi, /srv/cdi, /not/there"),
        ("unsafe", "/srv/cdi"),
        ("unsafe", "/srv/cdi"),
    ]


def test_a_swarm_and_a_listener_without_certificates_are_unsafe(running) -> None:
    assert running(Swarm={"LocalNodeState": "active"})["swarm"].state == "unsafe"
    warning = "WARNING: API is accessible on https://0.0.0.0:2376 without TLS client verification."
    assert running(Warnings=[warning])["hosts"].state == "unsafe"


@pytest.mark.parametrize(
    ("version", "state"), [("1.17.7", "unsafe"), ("1.17.8", "ok"), ("1.19.0", "ok")]
)
def test_a_toolkit_that_lets_containers_escape_is_unsafe(
    running, tmp_path: Path, version: str, state: str
) -> None:
    program = tmp_path / "bin" / "nvidia-ctk"
    program.write_text(f"#!/bin/sh\necho 'NVIDIA Container Toolkit CLI version {version}'\n")
    program.chmod(0o755)

    assert running(toolkit=TOOLKIT)["NVIDIA Container Toolkit"].state == state


def test_a_mode_in_which_devices_come_late_is_unsafe(tmp_path: Path) -> None:
    found = states(tmp_path, SAFE, TOOLKIT.replace('"cdi"', '"legacy"'))

    assert found["nvidia-container-runtime.mode"] == "unsafe"
