"""The real server, in a process of its own: granian, its workers, one log."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from policyd.audit.store import open_store
from policyd.config import Settings
from policyd.errors import ConfigError, PolicySetError
from policyd.web.server import serve

CLEAN = "services:\n  web:\n    image: nginx:1.27\n"
PROGRAM = (
    "import sys, msgspec\n"
    "from policyd.config import Settings\n"
    "from policyd.web.server import serve\n"
    "serve(msgspec.json.decode(sys.argv[1], type=Settings))\n"
)


class Webhook:
    """A running webhook. Its log goes to a file."""

    def __init__(self, folder: Path, **settings: object) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.audit = str(folder / "audit.db")
        self.log = folder / "log"
        given = {"listen": f"127.0.0.1:{self.port}", "audit": self.audit, "threads": 4, **settings}
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, json.dumps(given)],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        until(self.is_ready)

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return requests.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def post(self, text: str = CLEAN) -> requests.Response:
        return requests.post(
            f"{self.url}/v1/review",
            data=text,
            headers={"Content-Type": "application/yaml"},
            timeout=30,
        )

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Webhook]]:
    running: list[Webhook] = []

    def run(**settings: object) -> Webhook:
        running.append(Webhook(tmp_path, **settings))
        return running[-1]

    yield run
    for webhook in running:
        if webhook.process.poll() is None:
            webhook.process.kill()
            webhook.process.wait()


def test_it_answers_logs_json_and_ends_at_sigterm(start):
    webhook = start(workers=1)

    answer = webhook.post().json()["response"]

    assert answer["allowed"] is True
    assert webhook.stop() == 0
    lines = webhook.lines()
    assert [line["event"] for line in lines].count("request") >= 2
    (starting,) = [line for line in lines if line["event"] == "starting"]
    assert starting["audit"] == webhook.audit
    assert any("no token is configured" in str(line["event"]) for line in lines)
    (request,) = [line for line in lines if line.get("path") == "/v1/review"]
    assert request["decision_id"] == answer["decisionId"]
    store = open_store(webhook.audit)
    assert [record.sequence for record in store.decisions()] == [1]
    store.close()


def test_workers_share_one_log_without_gaps(start):
    webhook = start(workers=2)

    ids = {webhook.post().json()["response"]["decisionId"] for _ in range(20)}

    assert webhook.stop() == 0
    store = open_store(webhook.audit)
    report = store.verify()
    store.close()
    assert (len(ids), report.events, report.problems) == (20, 20, ())


def test_a_worker_that_dies_is_replaced(start):
    webhook = start(workers=1)
    (pid,) = re.findall(r"Spawning worker-1 with PID: ([0-9]+)", webhook.log.read_text())

    os.kill(int(pid), signal.SIGKILL)
    until(lambda: webhook.log.read_text().count("Spawning worker-1") == 2)
    until(webhook.is_ready)
    assert webhook.post().json()["response"]["allowed"] is True
    webhook.stop()


def test_a_variable_of_the_process_is_no_header_of_a_request(start, monkeypatch):
    """granian adds the environment to what a request says."""
    monkeypatch.setenv("HTTP_X_REQUEST_ID", "from-the-environment")
    webhook = start(workers=1)

    given = requests.get(f"{webhook.url}/healthz", timeout=10).headers["X-Request-Id"]
    assert given != "from-the-environment"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"listen": "0.0.0.0:0"}, ConfigError, "no token is configured"),
        ({"listen": "127.0.0.1"}, ConfigError, "is not host:port"),
        ({"policy_set": "/nothing.yaml"}, PolicySetError, "cannot be read"),
        ({"audit": ""}, ConfigError, "no audit log is configured"),
    ],
)
def test_what_is_wrong_is_said_before_anything_listens(tmp_path, change, error, message):
    settings = {"listen": "127.0.0.1:0", "audit": str(tmp_path / "audit.db"), **change}

    with pytest.raises(error, match=message):
        serve(Settings(**settings))


def test_an_address_that_is_taken_is_said(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError) as caught:
            serve(Settings(listen=address, audit=str(tmp_path / "audit.db")))
    assert str(caught.value) == (f"listen: {address} cannot be listened on: Address already in use")
