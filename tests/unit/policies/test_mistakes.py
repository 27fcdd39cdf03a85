"""Natural mistakes of authors of policies, constraints and exceptions: each has a sentence.

The mistakes are in mistakes.yaml: what is wrong in a policy set, and all that the lint reports.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.linted import METADATA, lint_files

MISTAKES: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "mistakes.yaml").read_text()
)
OPEN = re.compile("<parser>|<names>")
LOOP = """violation contains {"msg": "no", "service": w.service, "path": w.path} if {
  some w in input.workloads
"""
VALID = {
    "rules/own/policy.rego": f"{METADATA}{LOOP}  w.privileged\n}}\n",
    "rules/own/policy_test.rego": "package policyd.policies.own_test\n",
}


def files_of(mistake: dict[str, Any]) -> dict[str, str]:
    if "statement" in mistake:
        lines = "".join(f"  {line}\n" for line in mistake["statement"].splitlines())
        return {"rules/own/policy.rego": f"{METADATA}{LOOP}{lines}}}\n"}
    if "rules" in mistake:
        return {"rules/own/policy.rego": METADATA + mistake["rules"]}
    files: dict[str, str] = mistake["files"]
    return files


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake["mistake"])
def test_a_mistake_is_reported_with_its_place_and_what_to_write(
    tmp_path: Path, mistake: dict[str, Any]
) -> None:
    problems = lint_files(tmp_path, VALID | files_of(mistake))

    assert all(problem.where and problem.where.line for problem in problems)
    found = [str(problem).replace(f"{tmp_path}/", "") for problem in problems]
    for number, message in enumerate(mistake["problems"]):
        begin, *end = OPEN.split(message)
        if end and found[number].startswith(begin) and found[number].endswith(end[0]):
            found[number] = message
    assert found == mistake["problems"]


def test_the_policy_set_without_a_mistake_has_no_problem(tmp_path: Path) -> None:
    assert lint_files(tmp_path, VALID) == []
