"""Measure policyd beside linters of Compose files, over the same projects in one run.

    python -m tests.bench.linters

Prints a table: the processor time (user and kernel, all threads and processes) and the memory of
the largest process. compose-lint is measured if it is on the PATH, KICS if KICS_ASSETS also names
the folder `assets` of its source. Nothing is asserted.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.processes import environment
from tests.bench.projects import write_projects
from tests.rules import kics

MANY = 1_000


class Used(NamedTuple):
    """What a program used: processor seconds, and MiB of its largest process."""

    seconds: float
    memory: float


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="policyd-bench-") as name:
        folder = Path(name)
        projects = folder / "projects"
        files = [f"{path}/compose.yaml" for path in write_projects(projects, MANY)]
        for what, command in _commands(projects, files, folder):
            used = measured(command, folder)
            print(f"{what:45} {used.seconds:6.1f} s  {used.memory:5.0f} MiB", flush=True)


def measured(command: Sequence[str], folder: Path) -> Used:
    """Return what `command` uses with its children. Ends the run if its exit code is over 1."""
    log = folder / "output"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=output, stderr=output
        )
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode > 1:
        raise SystemExit(f"{command[0]} failed: {log.read_text(errors='replace')[-500:]}")
    return Used(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _commands(projects: Path, files: list[str], folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield what is measured, and its command."""
    check = ["policyd", "check", "--recursive", "--quiet", str(projects)]
    yield "policyd check --recursive", check
    yield "policyd check --recursive --level restricted", [*check, "--level", "restricted"]
    if program := shutil.which("compose-lint"):
        yield "compose-lint", [program, "--format", "json", *files]
    if scanner := kics.installed():
        yield "KICS, queries for Docker Compose", scanner.command(projects, folder / "kics")


if __name__ == "__main__":
    main()
