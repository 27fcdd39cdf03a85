"""A real OPA, where there is one on the PATH: CI must have it.

In: bundles. Out: the address of a server that has loaded them, which ends with the `with`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests


def opa() -> str:
    """Return the program; without it a test is skipped, and fails in CI."""
    program = shutil.which("opa")
    if program is None:
        assert not os.environ.get("CI"), "CI has no OPA"
        pytest.skip("there is no OPA on the PATH")
    return program


@contextmanager
def serving(*bundles: Path, options: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield the URL of a server with `bundles`, files or folders, and the flags `options`."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [opa(), "run", "--server", "--addr", f"127.0.0.1:{port}", "--log-level", "error"]
    command += ["--skip-version-check", *options]
    command += ["--bundle", *map(str, bundles)] if bundles else []
    with subprocess.Popen(command) as server:
        try:
            while not _is_up(f"{url}/health"):
                assert server.poll() is None, "OPA ended"
                time.sleep(0.05)
            yield url
        finally:
            server.terminate()


def _is_up(url: str) -> bool:
    try:
        return requests.get(url).ok
    except requests.ConnectionError:
        return False
