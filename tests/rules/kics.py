"""Run KICS over Compose files, where the program and its queries are."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Kics(NamedTuple):
    """The program, and the folder `assets` of its source with queries and libraries."""

    program: str
    assets: Path

    def command(self, folder: Path, output: Path) -> list[str]:
        """Return the command that scans the Compose files below `folder`.

        It writes `results.json` in `output`.
        """
        return [
            *(self.program, "scan", "-p", str(folder), "--type", "DockerCompose"),
            *("-q", str(self.assets / "queries"), "-b", str(self.assets / "libraries")),
            *("--report-formats", "json", "-o", str(output), "--no-progress", "--silent"),
            *("--disable-secrets", "--ignore-on-exit", "all"),
        ]


def installed() -> Kics | None:
    """Return KICS if `kics` is on the PATH and KICS_ASSETS names the folder of its assets."""
    program, assets = shutil.which("kics"), os.environ.get("KICS_ASSETS", "")
    if program is None or not Path(assets, "queries").is_dir():
        return None
    return Kics(program, Path(assets))


def reported(kics: Kics, files: Iterable[Path], work: Path) -> dict[Path, set[str]]:
    """Return the ids of the queries that report something in each of `files`.

    `work` is an empty folder.
    """
    copies = {}
    for number, file in enumerate(files):
        copy = work / "projects" / str(number) / "compose.yaml"
        copy.parent.mkdir(parents=True)
        shutil.copy(file, copy)
        copies[copy] = file
    command = kics.command(work / "projects", work)
    subprocess.run(command, check=True, capture_output=True, cwd=work)
    found: dict[Path, set[str]] = {file: set() for file in copies.values()}
    for query in json.loads((work / "results.json").read_text()).get("queries", []):
        for place in query["files"]:
            copy = Path(os.path.normpath(work / place["file_name"]))
            found[copies[copy]].add(query["query_id"])
    return found
