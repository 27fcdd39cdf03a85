"""Reports in SARIF, by the schema of OASIS and by the validator of Microsoft that GitHub names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema_rs
import pytest
from click.testing import CliRunner

from policyd.cli import main

ROOT = Path(__file__).parents[2]
MULTITOOL = shutil.which("Sarif.Multitool")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(MULTITOOL is None, reason="there is no Sarif.Multitool on the PATH"),
]

HOSTILE = "services:\n  'a<b>|`@x':\n    image: a\n    privileged: true\n    container_name: ü\n"


@pytest.fixture(params=["examples", "hostile", "refused", "undecided"])
def report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A report about the projects of that name."""
    projects = {
        "examples": sorted(str(path) for path in (ROOT / "deploy/examples").glob("*/*/")),
        "hostile": [str(tmp_path / "hostile")],
        "refused": [str(tmp_path / "refused")],
        "undecided": [str(tmp_path / "nothing")],
    }
    for name, text in (("hostile", HOSTILE), ("refused", "services: [")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "compose.yaml").write_text(text)
    file = tmp_path / "report.sarif"
    arguments = ["check", "--quiet", "--report", f"sarif={file}", *projects[request.param]]
    CliRunner().invoke(main, arguments, catch_exceptions=False)
    return file


def test_a_report_fits_the_schema(report: Path) -> None:
    assert MULTITOOL is not None
    schema = json.loads((Path(MULTITOOL).resolve().parent / "sarif-2.1.0.json").read_text())
    validator = jsonschema_rs.validator_for(schema)

    found = [str(error) for error in validator.iter_errors(json.loads(report.read_text()))]

    assert found == []


def test_the_validator_has_no_finding(report: Path) -> None:
    done = subprocess.run(
        [str(MULTITOOL), "validate", str(report), "--rule-kind", "Sarif;Ghas"],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        capture_output=True,
        text=True,
    )

    found = [
        line for line in done.stdout.splitlines() if ": warning " in line or ": error " in line
    ]
    assert (found, done.returncode) == ([], 0), done.stdout
