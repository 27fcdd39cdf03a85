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
from policyd.policies.packs import built_in
from policyd.receipt_issuing import ReceiptIssuer
from policyd.receipts.verification import receipt_text
from tests.support.dockerd import GPU_IMAGE, IMAGE, Dockerd, Done, Sent, compose_program, running
from tests.support.gpu_routes import SHOP, Route, routes
from tests.support.receipts import KEY, PEM

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
    "control groups of devices below a read-only mount": "Docker 29 makes it read-only as well",
    "files into the mounts of a container from before the gate": "the daemon copies by itself",
    "files out of the mounts of a container from before the gate": "the daemon copies by itself",
    "restart policy of a container from before the gate": "no container; its start is refused",
    "volume of formats of programs that the kernel starts": "no container",
    "swarm": "no container; tasks are refused",
    "start in an old version": "the container runs already, so nothing changes",
    "runtime of NVIDIA": "gives nothing without a variable",
    "annotation": "this daemon ignores it",
    "annotation of systemd": "this daemon ignores it",
    "fields at the top": "Docker 29 ignores them",
    "fields at the top beside a key with a ligature": "Docker 29 ignores them",
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
EXCEPTION = """
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: watcher}
spec:
  policies: [no-host-namespaces, no-docker-socket]
  match: {repositories: [acme/watch], projects: [watch], services: [watcher]}
  expires: 2099-01-01T00:00:00Z
  owner: ml
  reason: it watches the containers of the host
  approvedBy: security
"""
WATCHER = """
name: watch
services:
  watcher:
    image: local/busybox:1.0
    mem_limit: 64m
    network_mode: none
    pid: host
    volumes: ["/var/run/docker.sock:/var/run/docker.sock", "./:/files:ro"]
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
        (path / "kept").mkdir()
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
            ("create", "--name", "old-files", *SHOP, "--network", "none", "-v", "/:/host", IMAGE),
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


def issue_receipt(dockerd: Dockerd, settings: Settings, file: Path) -> None:
    """Write the receipt of a decision that allows the project `watch` on this host."""
    services = build(settings)
    source = Source(repository="acme/watch", host="gpu-01")
    review = Review("w", "ci", services.clock(), "CREATE", source=source)
    bundle = memory_bundle({"compose.yaml": WATCHER.encode()})
    decision = services.decide(bundle, review)
    assert {one.policy for one in decision.exempted} == {"no-host-namespaces", "no-docker-socket"}
    file.write_bytes(receipt_text(ReceiptIssuer(services).issue(bundle, review, decision)))
    services.close()


def test_an_exception_by_names_applies_to_a_project_with_a_receipt(
    dockerd: Dockerd, tmp_path: Path
) -> None:
    key, public, policy_set = (tmp_path / name for name in ("key.pem", "key.pub", "set.yaml"))
    key.write_text(PEM)
    key.chmod(0o600)
    public.write_text(KEY.public.pem)
    policy_set.write_text((built_in() / "default.yaml").read_text() + EXCEPTION)
    receipts = tmp_path / "receipts"
    receipts.mkdir()
    settings = Settings(
        audit=str(dockerd.audit), policy_set=str(policy_set), receipt_key_file=str(key),
        audit_origin="policyd.acme.example/log",
    )  # fmt: skip

    def compose(*arguments: str, text: str = WATCHER) -> Done:
        (tmp_path / "compose.yaml").write_text(text)
        return dockerd.run(compose_program(), "--progress", "plain", *arguments, cwd=tmp_path)

    named = f'policy_set = "{policy_set}"\nreceipt_public_keys_file = "{public}"'
    dockerd.start_policyd(named, runtimes=["nvidia"], receipts=str(receipts))
    dockerd.use_plugin()
    try:
        without = compose("up", "-d")
        issue_receipt(dockerd, settings, receipts / "watch.receipt")
        works = [
            compose(*arguments)
            for arguments in (
                ("up", "-d"),
                ("up", "-d"),
                ("up", "-d", "--force-recreate", "-t", "0"),
                ("restart", "-t", "0"),
            )
        ]
        other = compose("-p", "other", "up", "-d")
        second = compose("up", "-d", "--scale", "watcher=2")
        changed = compose("up", "-d", text=WATCHER.replace("mem_limit", "ipc: host\n    mem_limit"))
        (receipts / "watch.receipt").unlink()
        removed = compose("restart", "-t", "0")
    finally:
        dockerd.leave_plugin()
        compose("down", "-t", "0")
        dockerd.start_policyd(runtimes=["nvidia"])

    assert [done.output for done in works if done.code] == []
    for denied in (without, other, second, changed, removed):
        assert denied.code == 1
        assert "no-host-namespaces: service watcher shares a namespace" in denied.output
    assert "the receipt is for 1 container, and another one is running" in second.output
    assert "does not cover this container, whose settings differ" in changed.output
    assert "the exception watcher" not in without.output + other.output + removed.output


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
