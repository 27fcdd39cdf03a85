"""Reports for the programs that read them: on examples, hostile names, and broken projects."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from click.testing import CliRunner

from policyd.cli import main

ROOT: Final = Path(__file__).parents[2]
HOSTILE: Final = """\
services:
  web:
    image: "a${X:-<b>|`@x,y:%0A::z]]>&\\"'}"
    privileged: true
    volumes: ["/var/run/docker.sock:/a<b>|`@y&$$", "/etc/ü€😀:/b"]
    devices: ["/dev/sda, #1 [x](y) *z*:/dev/x"]
"""
PROJECTS: Final = ("examples", "hostile", "refused", "undecided")
"""What `write_reports` takes as the name of projects."""


def write_reports(name: str, folder: Path, *formats: str) -> dict[str, Path]:
    """Write a report in each of `formats` to `folder`, and return its file by its format."""
    projects = {
        "examples": sorted(str(path) for path in (ROOT / "deploy/examples").glob("*/*/")),
        "hostile": [str(folder / "a b,c:d%<e>|`@f")],
        "refused": [str(folder / "refused")],
        "undecided": [str(folder / "nothing")],
    }[name]
    for each, text in ((folder / "a b,c:d%<e>|`@f", HOSTILE), (folder / "refused", "services: [")):
        each.mkdir()
        (each / "compose.yaml").write_text(text)
    files = {form: folder / f"report.{form}" for form in formats}
    reports = [f"--report={form}={file}" for form, file in files.items()]
    CliRunner().invoke(main, ["check", "--quiet", *reports, *projects], catch_exceptions=False)
    return files
