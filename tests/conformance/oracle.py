"""Run compose-go, the loader of Docker Compose, as a process that answers projects.

In: a `Case` (its files and options). Out: an `Answer`. The Go program is in tests/oracle and is
built on first use.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.conformance.case import CALLER, Case
from tests.conformance.comparison import parse_json

SOURCE = Path(__file__).parents[1] / "oracle"
BINARY = SOURCE / "build" / "oracle"
TIMEOUT_SECONDS = 10


@dataclass(frozen=True)
class Answer:
    """The answer of compose-go: the printed model, or the error of a refusal.

    `broken` is set where compose-go panicked or exceeded the limit of time or memory. policyd must
    refuse such a project.
    """

    config: dict[str, Any] | None = None
    error: str = ""
    broken: bool = False


def build() -> Path:
    """Build the Go program if its sources changed, and return its path."""
    go = shutil.which("go")
    if go is None:
        raise FileNotFoundError("go is not installed")
    subprocess.run([go, "build", "-o", str(BINARY), "."], cwd=SOURCE, check=True)
    return BINARY


class Oracle:
    """A running oracle, restarted after a timeout or a crash. Use as a context manager.

    `binary` is the program to run; by default it is built from tests/oracle.
    """

    def __init__(self, binary: Path | None = None) -> None:
        self._binary = binary or build()
        self._root = tempfile.mkdtemp(prefix="policyd-oracle-")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process and remove its folder."""
        self._stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def ask(self, case: Case) -> Answer:
        """Return the answer of compose-go to `case`."""
        line = json.dumps(_request(case)).encode() + b"\n"
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], TIMEOUT_SECONDS + 5)
            text = process.stdout.readline() if ready else b""
        except BrokenPipeError:
            text = b""
        if not text:
            self._stop()
            return Answer(error="the process died", broken=True)
        answer = parse_json(text)
        if "config" in answer:
            return Answer(config=answer["config"])
        error = answer.get("error", "")
        if error in ("timeout", "memory"):
            self._stop()
        broken = error in ("timeout", "memory") or "panic" in answer
        return Answer(error=error or answer["panic"], broken=broken)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [self._binary, "-root", self._root, "-timeout", f"{TIMEOUT_SECONDS}s"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"]},
            )
        return self._process

    def _stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _request(case: Case) -> dict[str, Any]:
    texts, raw = {}, {}
    for path, content in case.files.items():
        try:
            texts[path] = content.decode()
        except UnicodeDecodeError:
            raw[path] = base64.b64encode(content).decode()
    options = case.options
    return {
        "files": texts,
        "raw": raw,
        "compose_files": options.get("files", []),
        "env_files": options.get("env_files", []),
        "env": CALLER | options.get("env", {}),
        "profiles": options.get("profiles", ["*"]),
        "project_name": options.get("project_name", ""),
        "project_directory": options.get("project_directory", ""),
    }
