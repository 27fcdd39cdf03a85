"""`policyd-runtime` below a real Docker daemon: alone, and together with the plugin.

A stand-in for the runtime of NVIDIA is the default runtime: it adds its hook to the configuration
of containers whose variables select GPUs, and runs policyd-runtime, as the real one does.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.host.runtime_install import default_runtime, install
from policyd.model import Review, Source
from tests.support.dockerd import GPU_IMAGE, IMAGE, Dockerd, Done, Sent, running
from tests.support.gpu_routes import Route, routes

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

STAND_IN = """#!/usr/bin/python3 -IS
import json, os, sys
arguments = sys.argv[1:]
if "create" in arguments:
    path = arguments[arguments.index("--bundle") + 1] + "/config.json"
    config = json.load(open(path))
    if any(one.startswith("NVIDIA_VISIBLE_DEVICES=") for one in config["process"]["env"]):
        hook = {"path": HOOK, "args": ["x", "prestart"]}
        config.setdefault("hooks", {}).setdefault("prestart", []).append(hook)
        json.dump(config, open(path, "w"))
os.execv(RUNTIME, [RUNTIME, *arguments])
"""
OPEN = {
    "privileged command": "the container runs already; the plugin denies it",
    "volume of devices": "no container; a container that uses the volume is refused",
    "swarm": "no container; tasks are refused",
    "start in an old version": "the container runs already, so nothing changes",
    "runtime of NVIDIA": "gives nothing without a variable",
    "annotation": "this daemon ignores it",
    "fields at the top": "this daemon ignores them",
}
"""The routes that the runtime alone leaves open, and why."""
PLAIN = ("--network", "none", "--memory", "64m")
GRANTED = b"""
name: train
services:
  worker:
    image: local/busybox:1.0
    mem_limit: 64m
    deploy: {resources: {reservations: {devices: [
      {driver: nvidia, device_ids: ["0"], capabilities: [gpu]}]}}}
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with links and device nodes; its path is short, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="pr", dir="/tmp", ignore_cleanup_errors=True) as name:
        path = Path(name)
        (path / "root").symlink_to("/")
        (path / "devices").symlink_to("/dev")
        (path / "disk").symlink_to("/dev/sda1")
        (path / "nodes").mkdir()
        if os.geteuid() == 0:
            for node in (path / "node", path / "nodes" / "a"):
                os.mknod(node, 0o020666, os.makedev(195, 0))
        (path / "link").symlink_to(path / "node")
        yield path


@pytest.fixture(scope="module")
def dockerd(folder: Path) -> Iterator[Dockerd]:
    """A daemon with the runtime and without the plugin, and containers from before the gate."""
    daemon = Dockerd(folder)
    program, stand_in = folder / "policyd-runtime", folder / "nvidia-container-runtime"
    install(str(program), default_runtime(), str(daemon.plugin_socket))
    hook = folder / "nvidia-container-runtime-hook"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    text = STAND_IN.replace("HOOK", repr(str(hook))).replace("RUNTIME", repr(str(program)))
    stand_in.write_text(text)
    stand_in.chmod(0o755)
    runtimes = {"nvidia": {"path": str(stand_in)}}
    with running(folder, **{"runtimes": runtimes, "default-runtime": "nvidia"}) as daemon:
        daemon.start_policyd(runtimes=["nvidia"])
        before = [
            ("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/dev", "old"),
            ("create", "--name", "old-container", "--network", "none", "--privileged", IMAGE),
            ("run", "-d", "--name", "running", *PLAIN, IMAGE),
        ]
        for command in before:
            done = daemon.docker(*command)
            assert done.code == 0, done.output
        yield daemon


def is_refused(done: Done | Sent) -> bool:
    return isinstance(done, Done) and "OCI runtime create failed: policyd: " in done.output


def outcome(dockerd: Dockerd, route: Route) -> str:
    """Return how `route` ends: refused by the runtime, failed for another reason, or passed.

    A container that a request creates is started.
    """
    for step in route.steps:
        done = step(dockerd)
        if isinstance(done, Sent) and (found := re.search(rb'"Id":"([0-9a-f]{64})"', done.body)):
            done = dockerd.docker("start", found[1].decode())
        if is_refused(done):
            return "refused"
        if done.code if isinstance(done, Done) else not 200 <= done.status < 400:
            return "failed"
    return "passed"


def test_the_runtime_alone_closes_the_routes_that_lead_to_a_container(dockerd, folder) -> None:
    found = {route.name: outcome(dockerd, route) for route in routes(folder)}
    dockerd.docker("swarm", "leave", "--force")

    assert {name for name, how in found.items() if how == "passed"} <= set(OPEN)
    refused = {name for name, how in found.items() if how == "refused"}
    assert len(refused) >= 25, found


def test_harmless_containers_work_below_the_runtime(dockerd) -> None:
    for command in (
        ("run", "--rm", *PLAIN, IMAGE, "true"),
        ("run", "--rm", *PLAIN, "-v", "data:/data", "-e", "A=1", "--init", IMAGE, "id"),
        ("run", "--rm", *PLAIN, "--device", "/dev/null:/dev/x", IMAGE, "ls", "/dev/x"),
        ("run", "--rm", *PLAIN, "--tmpfs", "/t", "--read-only", IMAGE, "id"),
        ("run", "-d", "--name", "web", *PLAIN, IMAGE),
        ("exec", "web", "true"),
        ("restart", "-t", "0", "web"),
        ("stop", "-t", "0", "web"),
        ("start", "web"),
        ("rm", "-f", "web"),
        ("volume", "rm", "data"),
    ):
        done = dockerd.docker(*command)
        assert done.code == 0, (command, done.output)


def test_the_variable_of_an_image_needs_a_grant_of_its_devices(dockerd) -> None:
    one = "local/cuda-one:1.0"
    dockerd.load(one, "ENV NVIDIA_VISIBLE_DEVICES=0")
    labels = {"com.docker.compose.project": "train", "com.docker.compose.service": "worker"}
    options = [word for pair in labels.items() for word in ("--label", "=".join(pair))]

    def started(image: str) -> Done:
        return dockerd.docker("run", "--rm", *PLAIN, *options, image, "true")

    before = started(one)
    grant(dockerd)
    after, whole = started(one), started(GPU_IMAGE)

    assert is_refused(before)
    assert "(nvidia: 0) without a grant on host gpu-01" in before.output
    assert after == Done(0, "")
    assert is_refused(whole)
    assert "(nvidia: all), which its grants do not cover on host gpu-01" in whole.output


def grant(dockerd: Dockerd) -> None:
    """Record the decision that grants GPU 0 to the service worker of the project train."""
    services = build(Settings(audit=str(dockerd.audit)))
    source = Source(repository="acme/train", host="gpu-01")
    review = Review("u", "ci", services.clock(), "CREATE", source=source)
    assert services.decide(memory_bundle({"compose.yaml": GRANTED}), review).allowed
    services.close()


def test_a_task_of_swarm_is_refused(dockerd) -> None:
    dockerd.docker("swarm", "init", "--advertise-addr", "127.0.0.1")
    mount = "type=bind,source=/,target=/host"
    dockerd.docker(
        "service",
        "create",
        "--detach",
        "--name",
        "sv",
        "--network",
        "host",
        "--mount",
        mount,
        IMAGE,
    )

    def refused() -> bool:
        done = dockerd.docker("service", "ps", "--no-trunc", "sv")
        return "OCI runtime create failed: policyd: " in done.output

    try:
        assert dockerd._wait(refused)
    finally:
        dockerd.docker("service", "rm", "sv")
        dockerd.docker("swarm", "leave", "--force")


def test_without_the_gate_no_container_starts(dockerd) -> None:
    dockerd.stop_policyd()
    try:
        done = dockerd.docker("run", "--rm", *PLAIN, IMAGE, "true")
        assert is_refused(done)
        assert "the gate cannot be asked at " in done.output
    finally:
        dockerd.start_policyd(runtimes=["nvidia"])
    assert dockerd.docker("run", "--rm", *PLAIN, IMAGE, "true").code == 0


def test_both_gates_together_close_every_route(dockerd, folder) -> None:
    """The plugin closes what the runtime leaves open, and the runtime what it does not see."""
    dockerd.use_plugin()
    try:
        for route in routes(folder):
            if route.name in OPEN:
                assert route.denial(dockerd), route.name
        seen = dockerd.docker("run", "--rm", *PLAIN, GPU_IMAGE, "true")
        assert seen.code != 0
        skipping = dockerd.docker("run", "--rm", *PLAIN, "--runtime", "runc", IMAGE, "true")
        assert "require-runtime: service container runs under runc" in skipping.output
        assert dockerd.docker("run", "--rm", *PLAIN, IMAGE, "true").code == 0
    finally:
        dockerd.leave_plugin()


def test_containers_start_again_with_the_daemon_before_it_answers(dockerd) -> None:
    done = dockerd.docker("run", "-d", "--restart", "always", "--name", "boot", *PLAIN, IMAGE)
    assert done.code == 0, done.output

    dockerd.restart()

    state = dockerd.docker("inspect", "-f", "{{.State.Running}} {{.State.Error}}", "boot")
    assert state.output.strip() == "true"
    assert dockerd.docker("rm", "-f", "boot").code == 0


def test_in_the_place_of_runc_it_sees_every_runtime_and_builds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tempfile.TemporaryDirectory(prefix="pi", dir="/tmp", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "bin").mkdir()
        daemon = Dockerd(folder)
        install(str(folder / "bin" / "runc"), default_runtime(), str(daemon.plugin_socket))
        monkeypatch.setenv("PATH", f"{folder}/bin:{os.environ['PATH']}")
        (folder / "context").mkdir()
        (folder / "context" / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN true\n")
        with running(folder) as daemon:
            daemon.start_policyd()
            named = ("run", "--rm", *PLAIN, "--runtime", "runc", IMAGE, "true")
            build = ("build", "--no-cache", "--network", "none", str(folder / "context"))
            assert daemon.docker(*named).code == 0
            assert daemon.docker(*build).code == 0
            assert is_refused(daemon.docker(*named[:-2], "-v", "/:/host", *named[-2:]))
            daemon.stop_policyd()
            assert is_refused(daemon.docker(*named))
            done = daemon.docker(*build)
            assert done.code != 0
            assert "policyd: the gate cannot be asked at " in done.output
