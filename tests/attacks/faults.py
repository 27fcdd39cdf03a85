"""What fails around the server: its database, disk, folder, workers, engine and registries."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import requests

from tests.attacks.target import CLEAN, Target, ask, post, recorded
from tests.conftest import Webhook, wait_until
from tests.unit.conftest import RegistryServer

PUSHES: Final = 50
SECRET: Final = "registry-hook-token"


def ready(webhook: Webhook) -> int:
    """Return the status of /readyz."""
    return requests.get(f"{webhook.url}/readyz", timeout=60).status_code


def deleted_database(target: Target) -> str:
    """No decision is acknowledged once the database is deleted or replaced."""
    for replaced in (False, True):
        webhook = target.start()
        ask(webhook)
        for name in (webhook.audit, f"{webhook.audit}-wal", f"{webhook.audit}-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.rename(name, f"{name}.moved")
        if replaced:
            shutil.copy(f"{webhook.audit}.moved", webhook.audit)
        assert post(webhook, CLEAN).status_code == 503
        assert ready(webhook) == 503
        webhook.kill()
        for file in target.folder.glob("audit.db*"):
            file.unlink()
    return "503 for reviews and /readyz"


def full_disk(target: Target) -> str:
    """A full disk is not ready, and acknowledges nothing."""
    disk = target.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        return "skipped: a disk cannot be mounted here"
    try:
        webhook = target.start(audit=str(disk / "audit.db"))
        with contextlib.suppress(OSError), (disk / "large").open("wb", buffering=0) as large:
            while True:
                large.write(bytes(4096))
        assert ready(webhook) == 503
        (disk / "large").unlink()
        assert ready(webhook) == 200
        ask(webhook)
        webhook.kill()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
    return "503 on /readyz while it is full, 200 afterwards"


def removed_folder(target: Target) -> str:
    """A removed temporary folder breaks neither /metrics nor the next worker."""
    webhook = target.start(workers=1)
    (folder,) = target.folder.glob("policyd-serve-*")
    shutil.rmtree(folder)
    assert requests.get(f"{webhook.url}/metrics", timeout=60).status_code == 200
    ask(webhook)
    shutil.rmtree(folder, ignore_errors=True)
    kill_worker(webhook)
    wait_until(lambda: alive(webhook) and webhook.is_ready())
    ask(webhook)
    return "metrics answered, the next worker started"


def dying_workers(target: Target) -> str:
    """Deaths of workers in quick succession do not end the server, which ends at SIGTERM."""
    webhook = target.start(workers=2)
    for _ in range(6):
        kill_worker(webhook)
    wait_until(lambda: alive(webhook) and webhook.is_ready())
    ask(webhook)
    assert webhook.stop() == 0
    return "6 deaths survived, exit code 0 at SIGTERM"


def left_folders(target: Target) -> str:
    """The folders of servers that were killed do not stay."""
    for _ in range(3):
        target.start(workers=1).kill()
    target.start(workers=1)
    left = list(target.folder.glob("policyd-serve-*"))
    assert len(left) == 1
    return "3 servers killed, none of their folders left"


def spawned(webhook: Webhook) -> list[int]:
    """Return the ids of all processes that were workers."""
    return [int(pid) for pid in re.findall(r"Spawning worker-\d+ with PID: (\d+)", webhook.output)]


def kill_worker(webhook: Webhook) -> None:
    """Kill the newest worker and wait for the next."""
    before = spawned(webhook)
    os.kill(before[-1], signal.SIGKILL)
    wait_until(lambda: len(spawned(webhook)) > len(before))


def alive(webhook: Webhook) -> bool:
    """Return True while the main process lives; raise AssertionError afterwards."""
    assert webhook.process.poll() is None, webhook.output
    return True


class _Opa(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, reply: bytes = b"", location: str = "", seconds: float = 0) -> None:
        super().__init__(("127.0.0.1", 0), _OpaHandler)
        self.reply, self.location, self.seconds = reply, location, seconds
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _OpaHandler(BaseHTTPRequestHandler):
    server: _Opa

    def do_POST(self) -> None:
        self.server.asked += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(307 if self.server.location else 200)
        if self.server.location:
            self.send_header("Location", self.server.location + self.path)
        self.send_header("Content-Length", str(len(self.server.reply)))
        self.end_headers()
        with contextlib.suppress(OSError):
            for byte in self.server.reply:
                time.sleep(self.server.seconds)
                self.wfile.write(bytes([byte]))

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def opa(**options: Any) -> Iterator[_Opa]:
    """Yield a server that answers as OPA should not."""
    server = _Opa(**options)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def opa_answers(target: Target) -> str:
    """A wrong answer of OPA, or a redirect, is a recorded denial."""
    replies = (b"[]", b'{"provenance": [1]}', b'{"provenance": {"bundles": 7}}', b"<html>", b"{")
    for reply in replies:
        with opa(reply=reply) as wrong:
            webhook = target.start(engine="opa", engine_url=wrong.url, wait=False)
            wait_until(lambda webhook=webhook: answers(webhook))
            assert ask(webhook)["allowed"] is False
            webhook.kill()
    with (
        opa(reply=b'{"result": {"findings": []}}') as other,
        opa(location=other.url) as redirecting,
    ):
        webhook = target.start(engine="opa", engine_url=redirecting.url, wait=False)
        wait_until(lambda: answers(webhook))
        assert ask(webhook)["allowed"] is False
        assert (redirecting.asked > 0, other.asked) == (True, 0)
    codes = [event.result.status.code for event in recorded(webhook)]
    assert len(codes) == len(replies) + 1
    assert set(codes) <= {500, 503}
    return f"{len(codes)} wrong answers, each a recorded denial; no redirect followed"


def slow_opa(target: Target) -> str:
    """An OPA server that drips its answer does not hold a review beyond its time."""
    with opa(reply=b" " * 1000, seconds=0.2) as slow:
        webhook = target.start(engine="opa", engine_url=slow.url, review_timeout=2, wait=False)
        wait_until(lambda: answers(webhook))
        answer = post(webhook, CLEAN)
        assert answer.status_code != 200 or answer.json()["response"]["allowed"] is False
    return f"denied or refused after {answer.elapsed.total_seconds():.1f} s, with a limit of 2 s"


def answers(webhook: Webhook) -> bool:
    """Return whether the server answers, even if its engine does not."""
    alive(webhook)
    with contextlib.suppress(requests.ConnectionError):
        return requests.get(f"{webhook.url}/healthz", timeout=60).status_code == 200
    return False


def lost_pushes(target: Target) -> str:
    """Pushes that were accepted are reviewed after the server was killed, or ended by SIGTERM."""
    with hub() as (registry, settings):
        for end in ("SIGKILL", "SIGTERM"):
            webhook = target.start(registries={"hub": settings})
            names = {report(webhook, registry, f"{end}-{n}") for n in range(PUSHES)}
            if end == "SIGKILL":
                webhook.kill()
            else:
                assert webhook.stop() == 0
            again = target.start(registries={"hub": settings})
            wait_until_recorded(again, names)
            again.kill()
    return f"{PUSHES} of {PUSHES} accepted pushes reviewed after SIGKILL, and after SIGTERM"


def large_event_ids(target: Target) -> str:
    """An event of a registry with an id of 3 MB is ignored, and its id is not kept."""
    with hub() as (registry, settings):
        webhook = target.start(registries={"hub": settings})
        report(webhook, registry, "x" * 3_000_000)
        name = report(webhook, registry, "short")
        wait_until_recorded(webhook, {name})
        assert len(recorded(webhook)) == 1
        kept = {file.name: b"x" * 1_000 in file.read_bytes() for file in logs(webhook)}
        assert not any(kept.values()), kept
    return "ignored, and not kept in the log or the database"


def wait_until_recorded(webhook: Webhook, names: set[str]) -> None:
    """Return once there are decisions on the pushes with these names."""
    wait_until(lambda: names <= {event.req_id for event in recorded(webhook)})


def logs(webhook: Webhook) -> list[Path]:
    """Return the files of the server's log and database."""
    folder = Path(webhook.audit).parent
    return [*folder.glob("*.log"), *folder.glob("audit.db*")]


@contextlib.contextmanager
def hub() -> Iterator[tuple[RegistryServer, dict[str, Any]]]:
    """Yield a registry and the settings by which it may report pushes."""
    registry = RegistryServer()
    threading.Thread(target=registry.serve_forever, daemon=True).start()
    try:
        yield (
            registry,
            {
                "url": f"http://{registry.host}",
                "insecure": True,
                "hook_sha256": hashlib.sha256(SECRET.encode()).hexdigest(),
            },
        )
    finally:
        registry.shutdown()
        registry.server_close()


def report(webhook: Webhook, registry: RegistryServer, name: str) -> str:
    """Report a push to `registry` as the event `name`; return the name."""
    text = f"services: {{web: {{image: 'nginx:{name[:20]}'}}}}\n"
    digest = registry.push({"compose.yaml": text})
    event = {
        "id": name,
        "action": "push",
        "target": {
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest,
            "repository": "demo/simple",
        },
    }
    answer = requests.post(
        f"{webhook.url}/hooks/registry/hub",
        data=json.dumps({"events": [event]}),
        headers={"Authorization": f"Bearer {SECRET}"},
        timeout=60,
    )
    assert answer.status_code == 202, answer.text[:1000]
    return name
