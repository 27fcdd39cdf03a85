"""The linter Regal reports nothing about the built-in packs."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from policyd.policies.packs import built_in

pytestmark = [pytest.mark.integration, pytest.mark.slow]

LINTED = (
    "container",
    "hardening",
    "main",
    "lib/images.rego",
    "lib/mounts.rego",
    "lib/users.rego",
    "lib/workload.rego",
)


def test_regal_reports_nothing():
    # Not required in CI: Regal is installed there where the Go module proxy has it.
    program = shutil.which("regal")
    if program is None:
        pytest.skip("there is no regal on the PATH")

    done = subprocess.run(
        [program, "lint", "--format", "json", *LINTED],
        cwd=built_in(),
        capture_output=True,
        text=True,
        check=False,
    )

    report = json.loads(done.stdout)
    found = [
        f"{violation['location']['file']}:{violation['location']['row']}: {violation['title']}"
        for violation in report["violations"]
    ]
    assert (found, done.returncode) == ([], 0)
    assert report["summary"]["files_scanned"] > len(LINTED)
