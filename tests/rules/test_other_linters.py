"""Whatever compose-lint and KICS report, a policy reports, as other_linters.yaml says."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from policyd.admission import Admission
from policyd.bundle import memory_bundle
from policyd.engines.embedded import EmbeddedEngine
from policyd.loading import load_project
from policyd.model import Review
from policyd.policies.packs import built_in
from policyd.rego_tests import sample_files
from tests.rules import kics
from tests.rules.other_linters import rules
from tests.support import everything
from tests.support.cases import cases

REVIEW = Review(uid="1", enforcement_point="ci", now=1_795_446_000_000_000_000)
ALL = [(linter, name) for linter, found in rules().items() for name in found]


def test_every_rule_is_listed() -> None:
    assert {linter: len(found) for linter, found in rules().items()} == {
        "compose-lint": 27,
        "kics": 22,
    }


@cases(("linter", "name"), ALL)
def test_sample_of_a_rule_is_denied_by_one_of_its_policies(linter: str, name: str) -> None:
    rule = rules()[linter][name]
    expected = rule.file.read_text().splitlines()[0].removeprefix("# expect: ").split()

    assert set(expected) <= set(rule.policies)
    for policy in rule.policies:
        assert len(list(built_in().glob(f"*/{policy.replace('-', '_')}/policy.rego"))) == 1


@pytest.mark.slow
@pytest.mark.integration
def test_whatever_compose_lint_reports_in_our_samples_is_reported(tmp_path: Path) -> None:
    # Not required in CI: it is skipped where the package cannot be installed.
    program = shutil.which("compose-lint")
    if program is None:
        pytest.skip("there is no compose-lint on the PATH")
    known = rules()["compose-lint"]
    done = subprocess.run(
        [program, "--format", "json", *map(str, sample_files(built_in()))],
        capture_output=True,
        text=True,
        check=False,
    )
    reports = [
        {**one, "file": str(Path(one["file"]).resolve())}
        for one in json.loads(done.stdout)["findings"]
    ]
    policy_set = everything.policy_set(tmp_path)
    admission = Admission(EmbeddedEngine(policy_set.modules, policy_set.data, 60), policy_set)
    violations = {
        file: reported(admission, Path(file)) for file in {one["file"] for one in reports}
    }

    assert known.keys() - {one["rule_id"] for one in reports} == set()
    for name, rule in known.items():
        assert name in {
            one["rule_id"] for one in reports if one["file"] == str(rule.file.resolve())
        }
    missed = [
        (one["rule_id"], one["service"], one["file"])
        for one in reports
        if not any(
            (one["service"], policy) in violations[one["file"]]
            for policy in known[one["rule_id"]].policies
        )
    ]
    assert [one for one in missed if not is_expected(*one)] == []


@pytest.mark.slow
@pytest.mark.integration
def test_whatever_kics_reports_in_our_samples_is_reported(tmp_path: Path) -> None:
    # Not required in CI: it takes a quarter of an hour to compile KICS.
    program = kics.installed()
    if program is None:
        pytest.skip("there is no kics on the PATH, or KICS_ASSETS does not name its assets")
    known = rules()["kics"]
    (tmp_path / "work").mkdir()
    samples = [Path(sample) for sample in sample_files(built_in())]
    reports = kics.reported(program, samples, tmp_path / "work")
    policy_set = everything.policy_set(tmp_path)
    admission = Admission(EmbeddedEngine(policy_set.modules, policy_set.data, 60), policy_set)

    silent = {rule.title for query, rule in known.items() if query not in reports[rule.file]}
    missed = {
        known[query].title
        for sample, queries in reports.items()
        if queries
        for policies in [{policy for _, policy in reported(admission, sample)}]
        for query in queries
        if not policies & set(known[query].policies)
    }
    assert silent == {"Networks Not Set"}
    assert missed - {rule.title for rule in known.values() if rule.differs} == set()


def reported(admission: Admission, sample: Path) -> set[tuple[str, str]]:
    """Return service and policy of each violation of a sample, whatever it is a sample of."""
    folder = sample.parent
    files = {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }
    loaded = load_project(memory_bundle(files, [sample.name]))
    return {(one.service, one.policy) for one in admission.decide(loaded, REVIEW).violations}


def is_expected(rule: str, service: str, file: str) -> bool:
    """Return whether a rule may report what no policy reports: see `differs`, and the page."""
    folder = Path(file).parent
    loaded = load_project(memory_bundle({"compose.yaml": (folder / "compose.yaml").read_bytes()}))
    keys = loaded.project.tree["services"][service]
    return "provider" in keys or (rule in ("CL-0004", "CL-0019") and "build" in keys)
