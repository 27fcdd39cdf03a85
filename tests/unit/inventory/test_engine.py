"""Settings of engine and toolkit, from files of a machine that is mounted below a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from policyd.inventory.engine import Engine, engine, toolkit
from policyd.inventory.hosts import NO_TOOLKIT, Toolkit
from policyd.inventory.machine import Machine


def machine(root: Path, **files: str) -> Machine:
    """Return a machine with `files` in /etc: "__" in a name is "/", "_DOT_" is "."."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Machine(root)


def test_nothing_is_known_of_an_empty_machine(tmp_path: Path) -> None:
    assert engine(machine(tmp_path)) == Engine()
    assert toolkit(machine(tmp_path)) is NO_TOOLKIT


def test_runtimes_and_the_default_come_from_daemon_json(tmp_path: Path) -> None:
    daemon = {
        "default-runtime": "nvidia",
        "runtimes": {
            "nvidia": {"args": [], "path": "nvidia-container-runtime"},
            "gpu": {"path": "/usr/bin/nvidia-container-runtime"},
            "kata": {"runtimeType": "io.containerd.kata.v2"},
            "odd": None,
        },
    }

    found = engine(machine(tmp_path, etc__docker__daemon_DOT_json=json.dumps(daemon)))

    assert found == Engine(
        default_runtime="nvidia",
        runtimes={
            "gpu": "/usr/bin/nvidia-container-runtime",
            "kata": "io.containerd.kata.v2",
            "nvidia": "nvidia-container-runtime",
            "odd": "odd",
        },
        cdi_devices=(),
    )


@pytest.mark.parametrize("text", ["{}", "not json", "[]"])
def test_an_engine_that_names_no_default_has_runc(tmp_path: Path, text: str) -> None:
    found = engine(machine(tmp_path, etc__docker__daemon_DOT_json=text))

    assert found.default_runtime == "runc"


def test_cdi_devices_are_those_of_every_specification(tmp_path: Path) -> None:
    nvidia = "cdiVersion: 0.5.0\nkind: nvidia.com/gpu\ndevices: [{name: '0'}, {name: all}]\n"
    found = engine(
        machine(
            tmp_path,
            etc__cdi__nvidia_DOT_yaml=nvidia,
            etc__cdi__broken_DOT_yaml="[",
            etc__cdi__README="kind: x/y",
            var__run__cdi__amd_DOT_json='{"kind": "amd.com/gpu", "devices": [{"name": "0"}]}',
        )
    )

    assert found.cdi_devices == ("amd.com/gpu=0", "nvidia.com/gpu=0", "nvidia.com/gpu=all")


def test_cdi_devices_are_in_the_folders_that_the_daemon_names(tmp_path: Path) -> None:
    found = engine(
        machine(
            tmp_path,
            etc__docker__daemon_DOT_json='{"cdi-spec-dirs": ["/srv/cdi", "relative"]}',
            srv__cdi__own_DOT_json='{"kind": "own.com/gpu", "devices": [{"name": "0"}]}',
            etc__cdi__amd_DOT_json='{"kind": "amd.com/gpu", "devices": [{"name": "0"}]}',
        )
    )

    assert found.cdi_devices == ("own.com/gpu=0",)


def test_settings_of_the_toolkit_come_from_config_toml(tmp_path: Path) -> None:
    text = """
disable-require = true
accept-nvidia-visible-devices-envvar-when-unprivileged = false
accept-nvidia-visible-devices-as-volume-mounts = true
swarm-resource = "DOCKER_RESOURCE_GPU"
[nvidia-container-runtime]
mode = "legacy"
"""
    found = toolkit(machine(tmp_path, **{"etc__nvidia-container-runtime__config_DOT_toml": text}))

    assert found == Toolkit(
        mode="legacy",
        disable_require=True,
        environment_when_unprivileged=False,
        volume_mounts=True,
        swarm_resource="DOCKER_RESOURCE_GPU",
    )


@pytest.mark.parametrize("text", ["", "not toml", "[nvidia-container-runtime]\nmode = 'odd'\n"])
def test_a_config_that_says_nothing_leaves_the_defaults(tmp_path: Path, text: str) -> None:
    files = {"etc__nvidia-container-runtime__config_DOT_toml": text}

    assert toolkit(machine(tmp_path, **files)) is NO_TOOLKIT
