"""The gate beside a real Docker daemon: what it closes, what works, and how it fails."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from policyd.audit.event import event_of
from policyd.audit.store import open_store
from policyd.bootstrap import build
from policyd.bundle import memory_bundle
from policyd.config import Settings
from policyd.model import Review, Source
from tests.support.dockerd import (
    GPU_IMAGE,
    IMAGE,
    Dockerd,
    chunked,
    registry_credentials,
    running,
)
from tests.support.gpu_routes import CREATE, PRIVILEGED, SHOP, body, gpu, routes

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(300)]

GRANTED = b"""
name: train
services:
  worker:
    image: local/busybox:1.0
    deploy: {resources: {reservations: {devices: [
      {driver: nvidia, device_ids: ["0"], capabilities: [gpu]}]}}}
"""
LABELS = {"com.docker.compose.project": "train", "com.docker.compose.service": "worker"}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with links and device nodes; its path is short, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="pd", dir="/tmp", ignore_cleanup_errors=True) as name:
        path = Path(name)
        (path / "link").symlink_to("/dev/nvidia0")
        (path / "root").symlink_to("/")
        (path / "devices").symlink_to("/dev")
        (path / "disk").symlink_to("/dev/sda1")
        (path / "nodes").mkdir()
        (path / "kept").mkdir()
        if os.geteuid() == 0:
            for node in (path / "node", path / "nodes" / "a"):
                os.mknod(node, 0o020666, os.makedev(195, 0))
        yield path


@pytest.fixture(scope="module")
def dockerd(folder: Path) -> Iterator[Dockerd]:
    """A daemon that has a container and a volume from before the gate."""
    with running(folder, runtimes={"nvidia": {"path": "/usr/sbin/runc"}}) as daemon:
        before = [
            ("volume", "create", "-o", "type=none", "-o", "o=bind", "-o", "device=/dev", "old"),
            ("create", "--name", "old-container", "--network", "none", "--privileged", IMAGE),
            ("create", "--name", "old-files", *SHOP, "--network", "none", "-v", "/:/host", IMAGE),
            ("run", "-d", "--name", "running", "--network", "none", IMAGE),
        ]
        for command in before:
            done = daemon.docker(*command)
            assert done.code == 0, done.output
        daemon.start_policyd()
        daemon.use_plugin()
        yield daemon


ROUTES = routes(Path("FOLDER"))


@pytest.mark.parametrize("number", range(len(ROUTES)), ids=[route.name for route in ROUTES])
def test_no_route_leads_to_a_gpu(dockerd, folder, number):
    route = routes(folder)[number]

    denial = route.denial(dockerd)

    assert bool(denial) is route.plugin
    assert "(decision " in denial or not route.plugin


def test_harmless_containers_work(dockerd):
    for command in (
        ("run", "--rm", "--network", "none", IMAGE, "true"),
        ("run", "--rm", "--network", "none", "-v", "data:/data", "-e", "A=1", IMAGE, "id"),
        ("run", "--rm", "--network", "none", "--device", "/dev/null:/dev/x", IMAGE, "ls", "/dev/x"),
        ("run", "-d", "--name", "web", "--network", "none", "--memory", "64m", IMAGE),
        ("exec", "web", "true"),
        ("exec", "-u", "0", "-e", "B=2", "web", "sh", "-c", "touch /tmp-file"),
        ("restart", "-t", "0", "web"),
        ("stop", "-t", "0", "web"),
        ("start", "web"),
        ("update", "--restart", "no", "web"),
        ("commit", "web", "local/committed:1"),
        ("run", "-d", "--name", "web-new", "--network", "none", "local/committed:1"),
        ("rm", "-f", "web"),
        ("rename", "web-new", "web"),
        ("ps",),
        ("info",),
        ("rm", "-f", "web"),
        ("volume", "rm", "data"),
    ):
        done = dockerd.docker(*command)
        assert done.code == 0, (command, done.output)


def test_a_grant_opens_what_was_granted_and_nothing_else(dockerd):
    services = build(Settings(audit=str(dockerd.audit)))
    source = Source(repository="acme/train", host="gpu-01")
    review = Review("u", "ci", services.clock(), "CREATE", source=source)
    assert services.decide(memory_bundle({"compose.yaml": GRANTED}), review).allowed
    services.close()

    def create(**fields: object) -> int:
        sent = {**gpu(DeviceIDs=["0"]), "Labels": LABELS, **fields}
        return dockerd.send(f"{CREATE}?name=granted", sent).status

    assert create() == 201
    assert dockerd.docker("rm", "granted").code == 0
    assert create(HostConfig=gpu(DeviceIDs=["1"])["HostConfig"]) == 403
    assert create(HostConfig=gpu(DeviceIDs=["0", "1"])["HostConfig"]) == 403
    assert create(HostConfig=gpu(Count=1)["HostConfig"]) == 201
    assert dockerd.docker("rm", "granted").code == 0
    assert create(Labels={**LABELS, "com.docker.compose.service": "other"}) == 403


@pytest.fixture
def nvidia_by_default(dockerd: Dockerd) -> Iterator[None]:
    """The daemon's default runtime gives GPUs to images whose variables select them."""
    for runtime in ("nvidia", "runc"):
        dockerd.reconfigure(**{"default-runtime": runtime})
        assert dockerd.docker("info").code == 0
        dockerd.start_policyd()  # it remembers the default runtime for some seconds
        if runtime == "nvidia":
            yield


@pytest.mark.usefixtures("nvidia_by_default")
def test_an_image_that_changes_is_looked_up_again(dockerd):
    archive = str(dockerd.folder / "gpu.tar")

    def creates() -> list[int]:
        sent = {"Image": "changing:1", "Cmd": ["true"], "HostConfig": {"NetworkMode": "none"}}
        return [dockerd.send(CREATE, sent).status for _ in range(2)]

    def changed(*command: str) -> list[int]:
        done = dockerd.docker(*command, "changing:1")
        assert done.code == 0, done.output
        return creates()

    assert creates() == [404, 404]
    assert changed("tag", IMAGE) == [201, 201]
    assert changed("tag", GPU_IMAGE) == [403, 403]
    assert changed("save", "-o", archive) == [403, 403]
    assert changed("tag", IMAGE) == [201, 201]
    assert dockerd.docker("load", "-i", archive).code == 0
    assert creates() == [403, 403]
    assert changed("rmi") == [404, 404]
    assert changed("import", "-c", "CMD true", archive) == [201, 201]


def post(uri: str, content: bytes, *headers: str, length: int = -1) -> bytes:
    """Return a request to the daemon; its length is that of `content` unless it is given."""
    size = len(content) if length < 0 else length
    head = [f"POST {uri} HTTP/1.1", "Host: docker", "Content-Type: application/json", *headers]
    return "\r\n".join([*head, f"Content-Length: {size}", "", ""]).encode() + content


def test_no_framing_of_requests_hides_one(dockerd):
    hidden = json.dumps(PRIVILEGED).encode()
    plain = json.dumps({**body(), "Labels": {"framing": "plain"}}).encode()
    last, chunks = "Connection: close", chunked(hidden)
    sent = [
        post("/containers/none/stop", b"") + post(CREATE, hidden, last),
        post(CREATE, plain) + post(CREATE, hidden, last),
        post(CREATE, plain + hidden, last),
        post(CREATE, gzip.compress(hidden), "Content-Encoding: gzip", last),
        post(CREATE, chunks, "Transfer-Encoding: chunked", last, length=3),
        post(CREATE, hidden, "Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings, close"),
        post(CREATE, hidden, "X-HTTP-Method-Override: GET", last),
        post(f"{CREATE}?name={'a' * 500_000}", hidden, last),
        post(CREATE, hidden, "Content-Type: text/plain", last),
        post(CREATE, hidden).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ]
    for request in sent:
        answer = dockerd.exchange(request)
        assert b" 403 Forbidden" in answer, (request[:300], answer[-300:])
        assert answer.count(b" 201 Created") == request.count(plain + b"POST")


def test_the_client_shows_the_reason_the_fix_and_the_decision(dockerd):
    done = dockerd.docker("run", "--rm", "--network", "none", "--privileged", IMAGE, "true")

    store = open_store(str(dockerd.audit), create=False)
    [record] = store.decisions(1)
    store.close()
    decision = event_of(record).result
    assert done.code == 125
    assert "no-privileged: service container runs privileged" in done.output
    assert "Fix: Remove `privileged: true`" in done.output
    assert f"(decision {decision.decision_id})" in done.output


def test_no_credentials_are_logged_or_recorded(dockerd):
    secret = "hunter2-of-the-registry"
    sent = {**body(Privileged=True), "Env": [f"TOKEN={secret}"]}
    headers = {"X-Registry-Auth": registry_credentials(secret)}
    dockerd.send(CREATE, sent, **headers)
    dockerd.send("/v1.41/auth", {"username": "u", "password": secret})
    dockerd.send("/v1.41/images/create?fromImage=none.invalid/x", **headers)

    written = [dockerd.audit, *dockerd.folder.glob("audit.db-*"), dockerd.folder / "policyd.log"]
    for text in (secret.encode(), headers["X-Registry-Auth"].encode()):
        assert not any(text in file.read_bytes() for file in written)


def test_nothing_works_without_policyd_until_it_is_back(dockerd):
    dockerd.stop_policyd()
    try:
        done = dockerd.docker("ps", timeout=120)
        assert done.code != 0
        assert f"plugin {dockerd.plugin} failed with error" in done.output
    finally:
        dockerd.start_policyd()
    assert dockerd.docker("ps").code == 0
