"""Docker Compose and a daemon with the gate: what works, what is denied, and how many may run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.model import Review, Source
from policyd.policies.packs import built_in
from tests.support.dockerd import Dockerd, Done, compose_program, running

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

EXCEPTION = """
---
apiVersion: policyd/v1
kind: Exception
metadata: {name: nodes-of-gpu-01}
spec:
  policies: [no-raw-device-nodes]
  match: {hosts: [gpu-01]}
  expires: 2099-01-01T00:00:00Z
  owner: ml
  reason: this host has no container toolkit
  approvedBy: security
"""
GRANTED = b"""
name: train
services:
  worker: {image: "local/busybox:1.0", devices: ["/dev/nvidia0"]}
"""
HARMLESS = """
name: shop
services:
  db:
    image: local/busybox:1.0
    network_mode: none
    volumes: [data:/data]
    healthcheck: {test: ["CMD", "true"], interval: 1s}
  web:
    image: local/busybox:1.0
    network_mode: none
    environment: {MODE: fast}
    volumes_from: [db]
    depends_on: [db]
volumes: {data: {}}
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder for the daemon, with a policy set and the node of a GPU by another name."""
    with tempfile.TemporaryDirectory(prefix="pd", dir="/tmp", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(scope="module")
def dockerd(folder: Path) -> Iterator[Dockerd]:
    """A daemon whose audit log has a grant: the GPU 0 of gpu-01, for one container."""
    compose_program()
    with running(folder) as daemon:
        os.mknod(folder / "node", 0o020666, os.makedev(195, 0))
        policy_set = folder / "policies.yaml"
        policy_set.write_text((built_in() / "default.yaml").read_text() + EXCEPTION)
        services = build(Settings(audit=str(daemon.audit), policy_set=str(policy_set)))
        source = Source(repository="acme/train", host="gpu-01")
        review = Review("u", "ci", services.clock(), "CREATE", source=source)
        decision = services.decide(memory_bundle({"compose.yaml": GRANTED}), review)
        assert [grant.method for grant in decision.grants] == ["device-node"]
        services.close()
        daemon.start_policyd(f'policy_set = "{policy_set}"')
        daemon.use_plugin()
        yield daemon


@pytest.fixture
def compose(dockerd: Dockerd, tmp_path: Path) -> Callable[..., Done]:
    """A function that runs Compose on a project."""

    def run(text: str, *arguments: str) -> Done:
        (tmp_path / "compose.yaml").write_text(text)
        return dockerd.run(compose_program(), "--progress", "plain", *arguments, cwd=tmp_path)

    return run


def test_a_harmless_project_works(compose):
    for arguments in (
        ("up", "-d"),
        ("up", "-d"),
        ("up", "-d", "--force-recreate"),
        ("run", "--rm", "web", "id"),
        ("exec", "web", "true"),
        ("restart", "-t", "0"),
        ("stop", "-t", "0"),
        ("start",),
        ("down", "-t", "0", "-v"),
    ):
        done = compose(HARMLESS, *arguments)
        assert done.code == 0, (arguments, done.output)


@pytest.mark.parametrize(
    ("keys", "policy"),
    [
        ("privileged: true", "no-privileged"),
        ("gpus: all", "no-all-gpus"),
        ("runtime: nvidia", "no-nvidia-runtime"),
        ('volumes: ["/var/run/docker.sock:/s"]', "no-docker-socket"),
        (
            "deploy: {resources: {reservations: {devices: "
            "[{driver: nvidia, device_ids: ['1'], capabilities: [gpu]}]}}}",
            "require-grant",
        ),
    ],
)
def test_a_project_that_is_not_allowed_does_not_start(compose, keys, policy):
    text = f'name: bad\nservices: {{web: {{image: "local/busybox:1.0", {keys}}}}}\n'

    done = compose(text, "up", "-d")

    assert done.code == 1
    assert f"{policy}: service web " in done.output
    assert "(decision " in done.output
    assert compose(text, "ps", "-q").output == ""


def test_as_many_containers_run_as_were_granted(compose, folder):
    text = (
        'name: train\nservices: {worker: {image: "local/busybox:1.0", network_mode: none, '
        f'devices: ["{folder}/node:/dev/nvidia0"]}}}}\n'
    )

    assert compose(text, "up", "-d").code == 0
    assert compose(text, "up", "-d", "--force-recreate", "-t", "0").code == 0
    denied = compose(text, "up", "-d", "--scale", "worker=2")
    assert denied.code == 1
    assert "was granted 1 container, and another one is running on host gpu-01" in denied.output
    assert compose(text.replace("name: train", "name: other"), "up", "-d").code == 1
    assert compose(text, "down", "-t", "0").code == 0
