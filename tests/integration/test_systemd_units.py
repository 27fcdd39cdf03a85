"""systemd finds no fault in the units of `deploy/`, and little that they could still give up."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

UNITS = Path(__file__).parents[2] / "deploy/systemd"
PROGRAM = "/opt/policyd/bin/policyd"
MOST_EXPOSED = {"policyd": 15, "policyd-host": 30}
"""Tenths of the exposure level that `systemd-analyze security` computes, from 0 to 100."""


@pytest.fixture
def analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        assert not os.environ.get("CI"), "CI has no systemd-analyze"
        pytest.skip("there is no systemd-analyze")
    return found


def run(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_systemd_finds_no_fault(analyze: str, tmp_path: Path) -> None:
    for unit in UNITS.iterdir():
        text = unit.read_text()
        (tmp_path / unit.name).write_text(text.replace(PROGRAM, "/bin/true"))

    assert run(analyze, "verify", "--man=no", *map(str, tmp_path.iterdir())) == (0, "")


def test_a_service_may_do_little_more_than_it_needs(analyze: str) -> None:
    assert {path.stem for path in UNITS.glob("*.service")} == set(MOST_EXPOSED)
    for name, most in MOST_EXPOSED.items():
        unit = str(UNITS / f"{name}.service")
        code, output = run(
            analyze, "security", "--offline=true", f"--threshold={most}", "--no-pager", unit
        )
        assert code == 0, output[-100:]
