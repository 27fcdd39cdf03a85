"""Run programs for measurements: their processor time, and servers for the time of a `with`.

Processor time is that of user and kernel together, of all threads. It is compared instead of time
by the clock, because other programs on the machine and the number of cores hardly change it.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 120

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Server:
    """A running server: its address, and the process that was started."""

    host: str
    port: int
    pid: int

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return self.host, self.port

    def processor_seconds(self) -> float:
        """Return the processor time so far of the process and of all below it (Linux only)."""
        return sum(map(_seconds, _tree(self.pid)))


def environment() -> dict[str, str]:
    """Return the environment in which programs of this Python come first on the PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, "PATH": path}


def run(command: Sequence[str | Path], *, stdin: bytes = b"", most: int = 1) -> tuple[float, bytes]:
    """Return the processor seconds of a program with its children, and its standard output.

    Ends the measurement when its exit code is over `most`.
    """
    before = _children()
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment())
    if done.returncode > most:
        text = done.stderr.decode(errors="replace")
        raise SystemExit(f"{' '.join(map(str, command[:3]))} failed: {text}")
    return _children() - before, done.stdout


@contextmanager
def serving_policyd(folder: Path, *options: str) -> Iterator[Server]:
    """Yield a webhook with two workers and a durable audit log in `folder`."""
    command = ["policyd", "serve", "--workers", "2", "--audit", str(folder / "audit.db")]
    with _serving([*command, *options], "--listen", "/readyz", folder / "serve.log") as server:
        yield server


@contextmanager
def serving_opa(program: str, bundle: Path) -> Iterator[Server]:
    """Yield an OPA server that has loaded the OPA bundle `bundle`."""
    command = [program, "run", "--server", "--log-level", "error", "--skip-version-check"]
    log = bundle.with_suffix(".log")
    with _serving([*command, "--bundle", str(bundle)], "--addr", "/health", log) as server:
        yield server


@contextmanager
def _serving(command: list[str], flag: str, ready: str, log: Path) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host, port = free.getsockname()
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, flag, f"{host}:{port}"], stdout=file, stderr=file, env=environment()
        )
    try:
        _wait(f"http://{host}:{port}{ready}")
        yield Server(host, port, process.pid)
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def _wait(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / _TICK  # with those of children that have ended
