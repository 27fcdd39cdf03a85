"""Every compliance case of OPA ends as in OPA, or is refused: no difference is silent."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.conformance import rego_cases

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(
        shutil.which("go") is None and not os.environ.get("CI"), reason="go is not installed"
    ),
]

LISTED: dict[str, str] = {}
"""The notes of cases that end differently in silence, each with its reason. There are none."""


@pytest.mark.slow
def test_every_case_of_opa_ends_as_in_opa_or_is_refused() -> None:
    found = list(rego_cases.outcomes(rego_cases.folder()))

    print(rego_cases.table(found))
    assert len(found) > 2300
    assert sum(outcome.kind == rego_cases.EQUAL for outcome in found) > 1000
    different = {
        outcome.note: outcome.found for outcome in found if outcome.kind == rego_cases.DIFFERENT
    }
    assert different.keys() == LISTED.keys(), different
