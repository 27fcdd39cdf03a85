"""zizmor and actionlint have no finding in the action, the workflows and what `init` writes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from policyd.adoption.first_files import first_files

ROOT = Path(__file__).parents[2]
ZIZMOR, ACTIONLINT = shutil.which("zizmor"), shutil.which("actionlint")

pytestmark = pytest.mark.integration


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the action and every workflow that the documentation offers."""
    workflows = tmp_path / ".github/workflows"
    workflows.mkdir(parents=True)
    shutil.copy(ROOT / "action.yml", tmp_path)
    for name in ("github-action.yml", "github-actions.yml"):
        shutil.copy(ROOT / "deploy/ci" / name, workflows)
    written = first_files(str(tmp_path), "github").written
    (workflows / "init.yml").write_text(written[".github/workflows/policyd.yml"])
    return tmp_path


@pytest.mark.skipif(ZIZMOR is None, reason="there is no zizmor on the PATH")
def test_zizmor_has_no_finding(repository: Path) -> None:
    command = [str(ZIZMOR), "--offline", "--pedantic", "--no-progress", "--format=plain", "."]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No findings to report" in done.stdout + done.stderr


@pytest.mark.skipif(ACTIONLINT is None, reason="there is no actionlint on the PATH")
def test_actionlint_has_no_finding(repository: Path) -> None:
    workflows = [str(path) for path in (repository / ".github/workflows").iterdir()]
    done = subprocess.run([str(ACTIONLINT), *workflows], capture_output=True, text=True)

    assert (done.stdout, done.returncode) == ("", 0), done.stderr
