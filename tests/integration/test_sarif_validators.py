"""Reports in SARIF, by the schema of OASIS and by the validator of Microsoft that GitHub names."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import jsonschema_rs
import pytest

from tests.support.consumed import PROJECTS, write_reports

MULTITOOL = shutil.which("Sarif.Multitool")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(MULTITOOL is None, reason="there is no Sarif.Multitool on the PATH"),
]


@pytest.fixture(params=PROJECTS)
def report(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A report about the projects of that name."""
    return write_reports(request.param, tmp_path, "sarif")["sarif"]


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
