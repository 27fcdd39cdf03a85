"""The server that is attacked, and what an attacker sends to it."""

from __future__ import annotations

import contextlib
import socket
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import requests

from policyd.audit.event import DecisionEvent, event_of
from policyd.audit.store import Store, open_store
from tests.conftest import Webhook, wait_until

CLEAN: Final = "services:\n  web:\n    image: nginx:1.27\n"
PRIVILEGED: Final = "services:\n  web:\n    image: nginx:1.27\n    privileged: true\n"
GPU: Final = """services:
  train:
    image: nginx:1.27
    deploy:
      resources:
        reservations:
          devices: [{driver: nvidia, device_ids: ['3'], capabilities: [gpu]}]
"""
YAML: Final = {"Content-Type": "application/yaml"}


class Target:
    """Starts servers with logs in a folder of its own, and ends them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[Webhook] = []

    def start(self, *, wait: bool = True, **settings: Any) -> Webhook:
        """Start a server with these settings; return once it is ready."""
        self.running.append(Webhook(self.folder, free_port(), {"workers": 2, **settings}))
        if wait:
            wait_until(self.running[-1].is_ready)
        return self.running[-1]


@contextlib.contextmanager
def target() -> Iterator[Target]:
    """Yield a target whose servers end afterwards."""
    with tempfile.TemporaryDirectory(prefix="attack-") as name:
        found = Target(Path(name))
        try:
            yield found
        finally:
            for webhook in found.running:
                webhook.kill()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def ask(webhook: Webhook, text: str = CLEAN, **parameters: str) -> dict[str, Any]:
    """Return the response to a review, which must be answered with status 200."""
    token = parameters.pop("token", "")
    answer = post(webhook, text, token, **parameters)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["response"]
    return found


def post(webhook: Webhook, text: str, token: str = "", **parameters: str) -> requests.Response:
    """Return the answer to a review."""
    headers = {**YAML, **({"Authorization": f"Bearer {token}"} if token else {})}
    return requests.post(
        f"{webhook.url}/v1/review", data=text, headers=headers, params=parameters, timeout=120
    )


@contextlib.contextmanager
def log_of(webhook: Webhook) -> Iterator[Store]:
    """Yield the audit log of `webhook`."""
    store = open_store(webhook.audit)
    try:
        yield store
    finally:
        store.close()


def recorded(webhook: Webhook) -> list[DecisionEvent]:
    """Return the recorded decisions, the newest 10,000."""
    with log_of(webhook) as store:
        return [event_of(record) for record in store.decisions(10_000)]


def connection(webhook: Webhook) -> socket.socket:
    """Return a connection to `webhook`."""
    return socket.create_connection(("127.0.0.1", webhook.port), timeout=60)


def status_of(connected: socket.socket) -> int:
    """Return the status of the answer on a connection, 0 if there is none."""
    with contextlib.suppress(OSError):
        first = connected.recv(64).split(b" ")
        if len(first) > 1 and first[1].isdigit():
            return int(first[1])
    return 0


def reset(connected: socket.socket) -> None:
    """Close a connection with RST."""
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connected.close()
