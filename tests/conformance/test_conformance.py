"""The loader answers every recorded case as `docker compose config` did."""

from __future__ import annotations

import pytest

from tests.conformance.case import Case, all_cases
from tests.conformance.differences import DELIBERATE
from tests.conformance.judge import disagreements, guarded
from tests.conformance.pending import pending

_CASES = list(all_cases())
_PENDING = pending()


@pytest.mark.parametrize("case", _CASES, ids=[case.name for case in _CASES])
def test_loads_as_compose_does(case: Case) -> None:
    if case.name in _PENDING:
        found = guarded(case, case.config, case.error)
        assert found, "agrees now: run `python -m tests.conformance --remove-pending`"
        return

    found = disagreements(case)

    if reason := DELIBERATE.get(case.name):
        assert found, f"agrees now; listed as different because {reason}"
    else:
        assert not found, "\n".join(found)


def test_deliberate_differences_name_cases() -> None:
    assert DELIBERATE.keys() <= {case.name for case in _CASES}


def test_pending_cases_exist() -> None:
    assert {case.name for case in _CASES} >= _PENDING
