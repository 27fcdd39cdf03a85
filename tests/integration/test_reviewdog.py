"""reviewdog reads the reports for it, as in a job that comments on the lines of a pull request."""

from __future__ import annotations

import json
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.support.consumed import PROJECTS, write_reports

REVIEWDOG = shutil.which("reviewdog")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(REVIEWDOG is None, reason="there is no reviewdog on the PATH"),
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git on the PATH"),
]


@pytest.fixture(params=PROJECTS)
def reports(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Path]:
    """The report on the projects of that name, by its format."""
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return write_reports(request.param, tmp_path, "rdjson", "checkstyle")


def read(form: str, report: Path) -> str:
    """Return what reviewdog writes about a report."""
    done = subprocess.run(
        [str(REVIEWDOG), f"-f={form}", "-reporter=rdjson", "-filter-mode=nofilter", "-diff=true"],
        cwd=report.parent,
        input=report.read_text(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_reviewdog_reads_each_diagnostic(reports: dict[str, Path]) -> None:
    given = json.loads(reports["rdjson"].read_text())["diagnostics"]

    seen = json.loads(read("rdjson", reports["rdjson"]))["diagnostics"]

    assert len(seen) == len(given) > 0
    for theirs, ours in zip(seen, given, strict=True):
        assert theirs["message"] == ours["message"]
        assert theirs["location"].get("range") == ours["location"].get("range")
        assert theirs["severity"] == ours["severity"]
        assert theirs["code"]["value"] == ours["code"]["value"]


def test_reviewdog_reads_each_error_of_checkstyle(reports: dict[str, Path]) -> None:
    given = list(ElementTree.parse(reports["checkstyle"]).iter("error"))

    seen = json.loads(read("checkstyle", reports["checkstyle"]))["diagnostics"]

    assert len(seen) == len(given) > 0
    for theirs, ours in zip(seen, given, strict=True):
        assert theirs["message"] == ours.get("message")
        assert theirs["code"]["value"] == ours.get("source")
        assert theirs["severity"] == (ours.get("severity") or "").upper()
        if line := ours.get("line"):
            assert theirs["location"]["range"]["start"]["line"] == int(line)
