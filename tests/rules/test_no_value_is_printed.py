"""A credential in a project is in no output of `policyd check`, whatever the format."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from policyd.cli import main
from policyd.formats.available import REPORT
from policyd.policies.packs import built_in

POLICY_SET = """\
apiVersion: policyd/v1
kind: PolicySet
metadata: {name: credentials}
spec: {packs: [hardening]}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: no-credentials-in-files}
spec: {policy: no-credentials-in-files, enforcementAction: deny}
---
apiVersion: policyd/v1
kind: Constraint
metadata: {name: require-read-only-root}
spec: {policy: require-read-only-root, enforcementAction: deny}
"""
SAMPLES = built_in() / "hardening" / "no_credentials_in_files" / "samples"


@pytest.mark.thorough
def test_no_format_prints_a_credential(tmp_path: Path) -> None:
    (tmp_path / "policyset.yaml").write_text(POLICY_SET)
    projects = [str(place.parent) for place in sorted(SAMPLES.glob("denied_*/compose.yaml"))]
    reports = {form: tmp_path / f"report.{form}" for form in REPORT}
    flags = [f"--report={form}={file}" for form, file in reports.items()]

    done = CliRunner().invoke(main, ["check", *projects, f"--policy-set={tmp_path}", *flags])

    assert (len(projects), done.exit_code) == (7, 1)
    outputs = {form: file.read_text() for form, file in reports.items()}
    assert {form for form, text in outputs.items() if "credential" not in text} == set()
    for form, text in {**outputs, "output": done.output}.items():
        assert "correct-horse" not in text, form
        assert "bm90IGEga2V5" not in text, form
