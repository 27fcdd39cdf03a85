"""Kill workers and whole servers under load: no acknowledged decision is lost, no chain breaks."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from typing import Final, NamedTuple

import requests

from policyd.audit.event import event_of
from policyd.audit.store import open_store
from tests.attacks.faults import spawned
from tests.attacks.target import CLEAN, YAML, Target
from tests.conftest import Webhook, wait_until

CLIENTS: Final = 6
GROUP_EVERY: Final = 4
"""Each fourth kill is that of the whole process group."""
SEED: Final = 13


class Result(NamedTuple):
    """What was killed and recorded. A decision is lost that was acknowledged and not recorded."""

    workers: int
    groups: int
    acknowledged: int
    events: int
    lost: int
    breaks: int

    def __str__(self) -> str:
        return (
            f"{self.workers} kills of workers and {self.groups} of groups: "
            f"{self.acknowledged:,} decisions acknowledged, {self.events:,} recorded, "
            f"{self.lost} lost, {self.breaks} breaks"
        )


def kill_under_load(target: Target, kills: int, audit: str = "", pause: float = 0.5) -> Result:
    """Return the result of `kills` kills while clients ask for reviews.

    Between two kills, the server is ready for about `pause` seconds.

    `audit` is the URL of the log, "" for SQLite.
    """
    chosen = random.Random(SEED)
    settings = {"audit": audit} if audit else {}
    webhook = target.start(**settings)
    load = _Load(webhook)
    groups = 0
    for number in range(1, kills + 1):
        wait_until(webhook.is_ready)
        time.sleep(pause * chosen.uniform(0.5, 1.5))
        if number % GROUP_EVERY == 0:
            groups += 1
            webhook.kill()
            webhook = target.start(**settings)
            load.webhook = webhook
        else:
            _kill_any_worker(webhook, chosen)
    wait_until(webhook.is_ready)
    acknowledged = load.stop()
    assert webhook.stop() == 0
    store = open_store(audit or webhook.audit)
    report = store.verify()
    recorded: set[str] = set()
    before = None
    while page := store.decisions(500, before=before):
        recorded |= {event_of(record).decision_id for record in page}
        before = page[-1].sequence
    store.close()
    lost = len(acknowledged - recorded)
    return Result(
        kills - groups, groups, len(acknowledged), report.events, lost, len(report.problems)
    )


def _kill_any_worker(webhook: Webhook, chosen: random.Random) -> None:
    before = spawned(webhook)
    living = [pid for pid in before[-4:] if os.path.exists(f"/proc/{pid}")]
    with contextlib.suppress(ProcessLookupError):
        os.kill(chosen.choice(living or before[-1:]), signal.SIGKILL)


class _Load:
    """Clients that ask for reviews until they are stopped, and remember what was acknowledged."""

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self._stopping = threading.Event()
        self._acknowledged: set[str] = set()
        self._clients = [threading.Thread(target=self._ask, args=(n,)) for n in range(CLIENTS)]
        for client in self._clients:
            client.start()

    def stop(self) -> set[str]:
        """Stop the clients; return the ids of the decisions that they were told."""
        self._stopping.set()
        for client in self._clients:
            client.join()
        return self._acknowledged

    def _ask(self, client: int) -> None:
        while not self._stopping.is_set():
            with contextlib.suppress(requests.RequestException, ValueError):
                answer = requests.post(
                    f"{self.webhook.url}/v1/review",
                    params={"repository": f"load/{client}", "host": "gpu-01"},
                    data=CLEAN,
                    headers=YAML,
                    timeout=30,
                )
                if answer.status_code == 200:
                    self._acknowledged.add(answer.json()["response"]["decisionId"])
                    continue
            time.sleep(0.02)
