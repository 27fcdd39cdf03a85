"""The webhook as it is run: granian in a process of its own, with workers and a log on disk."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import requests
import structlog

from tests.support.isolation import CACHE, isolate

isolate()

# A busy machine is no failure.
TIMELESS = hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile("thorough", TIMELESS)
hypothesis.settings.register_profile("quick", TIMELESS, max_examples=20)
hypothesis.settings.load_profile("thorough" if os.environ.get("CI") else "quick")

PROGRAM = (
    "import sys, msgspec\n"
    "from policyd.config import Settings\n"
    "from policyd.serving.server import serve\n"
    "serve(msgspec.json.decode(sys.argv[1], type=Settings))\n"
)
"""`policyd serve` without its command line: settings are JSON."""


class Webhook:
    """A running webhook; `output` is what it logged so far."""

    def __init__(
        self, folder: Path, port: int, settings: dict[str, object], first: str = ""
    ) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.audit = str(folder / "audit.db")
        self._log = folder / "webhook.log"
        given = {"listen": f"127.0.0.1:{port}", "audit": self.audit, "threads": 4, **settings}
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", first + PROGRAM, json.dumps(given)],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, "TMPDIR": str(folder)},
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.output
        try:
            return requests.get(f"{self.url}/readyz").status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()

    def kill(self) -> None:
        """End it and its workers, however they are."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once `condition` holds. The time limit of the test ends a wait that never does."""
    while not condition():
        time.sleep(0.02)


@pytest.fixture(scope="session", autouse=True)
def _outside_git() -> Iterator[None]:
    """Hide the checkout that temporary folders lie in: to a project, it would be its root."""
    hidden = {f"{folder}/.git" for folder in CACHE.parents}
    exists = os.path.exists
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os.path, "exists", lambda path: path not in hidden and exists(path))
        yield


def pytest_collection_finish() -> None:
    """Let the garbage collector run seldom, and spare it the tests, which live until the end."""
    gc.set_threshold(50_000, 20, 20)
    gc.freeze()


@pytest.fixture(autouse=True)
def _left_as_found() -> Iterator[None]:
    """Undo what a test configured, and fail a test that writes to the home: others would read it.

    `serve`, called in this process, sets up its logging.
    """
    yield
    structlog.reset_defaults()
    written = Path(os.environ["HOME"]) / ".local"
    if written.exists():
        shutil.rmtree(written)
        pytest.fail("the test wrote to the home directory; use tmp_path")


@pytest.fixture
def until() -> Callable[..., None]:
    """A function that waits until a condition holds."""
    return wait_until


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A function that returns a port of loopback that nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
            return port

    return find


@pytest.fixture
def start_webhook(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Callable[..., Webhook]]:
    """A function that starts a webhook with these settings, on `port` or a free one.

    It returns once it is ready, unless told not to `wait`. `first` is Python that runs in it before
    anything else.
    """
    running: list[Webhook] = []

    def start(port: int = 0, *, wait: bool = True, first: str = "", **settings: object) -> Webhook:
        running.append(Webhook(tmp_path, port or free_port(), settings, first))
        if wait:
            wait_until(running[-1].is_ready)
        return running[-1]

    yield start
    for webhook in running:
        webhook.kill()
