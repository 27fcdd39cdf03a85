"""The loader gives the answer that `docker compose config` gave to every recorded case."""

from __future__ import annotations

import pytest

from tests.conformance.agreement import disagreements
from tests.conformance.case import Case, all_cases
from tests.conformance.differences import DELIBERATE

_CASES = list(all_cases())


@pytest.mark.parametrize("case", _CASES, ids=[case.name for case in _CASES])
def test_loads_as_compose_does(case: Case) -> None:
    found = disagreements(case)

    if reason := DELIBERATE.get(case.name):
        assert found, f"agrees now; listed as different because {reason}"
    else:
        assert not found, "\n".join(found)


def test_deliberate_differences_name_cases() -> None:
    assert DELIBERATE.keys() <= {case.name for case in _CASES}
