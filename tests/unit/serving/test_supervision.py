"""The main process replaces workers however often they end, and stops when it is told to."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from policyd.serving.supervision import QUICK_SECONDS, SupervisedServer

CLEAN = "services: {web: {image: nginx}}"


class Server(SupervisedServer):
    """A server without processes, which stops when as many workers were replaced as `enough`."""

    def __init__(self, age: float, enough: int) -> None:
        self.looks = 0
        super().__init__("unused", look=self.count)
        self.enough = enough
        self.replaced: list[list[int]] = []
        self.pauses: list[float] = []
        self.wrks = [SimpleNamespace(birth=time.monotonic() - age) for _ in range(2)]

    def count(self) -> None:
        self.looks += 1

    def _respawn_workers(self, workers: list[int], *_arguments: Any, delay: float = 0) -> None:
        self.replaced.append(workers)
        if len(self.replaced) == self.enough:
            self.signal_handler_interrupt()
        else:
            self.interrupt_children.append(0)
            self.main_loop_interrupt.set()

    def _pause(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 3))


def test_a_worker_that_fails_again_and_again_is_replaced_after_longer_pauses() -> None:
    server = Server(age=0, enough=8)
    server.interrupt_children = [1, 0, 1]
    server.main_loop_interrupt.set()

    server._serve_loop(None, None)

    assert server.replaced == [[0, 1], *[[0]] * 7]
    assert server.pauses == [0, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert server.looks == 8


def test_a_worker_that_ran_for_a_while_is_replaced_at_once() -> None:
    server = Server(age=QUICK_SECONDS + 1, enough=4)
    server.interrupt_children = [0]
    server.main_loop_interrupt.set()

    server._serve_loop(None, None)

    assert server.pauses == [0, 0, 0, 0]


def test_workers_that_end_while_the_server_stops_are_no_failure() -> None:
    server = Server(age=0, enough=1)
    server.interrupt_children = [0]
    server.signal_handler_interrupt()

    server._serve_loop(None, None)
    server.interrupt_children.append(0)

    assert server.replaced == []
    assert not server.interrupt_children


def spawned(webhook: Any) -> list[int]:
    return [int(pid) for pid in re.findall(r"Spawning worker-\d with PID: (\d+)", webhook.output)]


def allowed(webhook: Any) -> bool:
    answer = requests.post(
        f"{webhook.url}/v1/review", data=CLEAN, headers={"Content-Type": "application/yaml"}
    )
    found: bool = answer.json()["response"]["allowed"]
    return found


@pytest.mark.slow
def test_quick_deaths_of_a_worker_do_not_end_the_server(
    start_webhook: Callable[..., Any], until: Callable[..., None]
) -> None:
    webhook = start_webhook(workers=1)

    for number in range(2, 6):
        os.kill(spawned(webhook)[-1], signal.SIGKILL)
        until(lambda number=number: len(spawned(webhook)) == number)

    until(webhook.is_ready)
    assert allowed(webhook)
    os.killpg(webhook.process.pid, signal.SIGTERM)  # as systemd stops a service
    assert webhook.process.wait() == 0


@pytest.mark.slow
def test_a_removed_temporary_folder_breaks_neither_metrics_nor_the_next_worker(
    start_webhook: Callable[..., Any], until: Callable[..., None], tmp_path: Path
) -> None:
    webhook = start_webhook(workers=1)
    (folder,) = tmp_path.glob("policyd-serve-*")
    assert allowed(webhook)

    shutil.rmtree(folder)
    assert requests.get(f"{webhook.url}/metrics").status_code == 200
    assert allowed(webhook)
    metrics = requests.get(f"{webhook.url}/metrics").text
    assert re.search(r'policyd_decisions_total\{.*decision="allow".*\} 1\.0', metrics)
    until((folder / "policy-set.json").exists)

    shutil.rmtree(folder)
    os.kill(spawned(webhook)[-1], signal.SIGKILL)
    until(lambda: len(spawned(webhook)) == 2)
    until(webhook.is_ready)
    assert allowed(webhook)
    assert webhook.stop() == 0
    assert not folder.exists()


@pytest.mark.slow
def test_what_a_killed_server_leaves_is_removed_by_the_next(
    start_webhook: Callable[..., Any], tmp_path: Path
) -> None:
    webhook = start_webhook(workers=2)
    (left,) = tmp_path.glob("policyd-serve-*")
    webhook.kill()
    assert left.exists()

    start_webhook(workers=1)

    (folder,) = tmp_path.glob("policyd-serve-*")
    assert folder != left
