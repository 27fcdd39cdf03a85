"""The loader and compose-go agree on random projects: both refuse, or the models are equal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance import generate, mutate, whitespace
from tests.conformance.case import Case, all_cases
from tests.conformance.comparison import differences
from tests.conformance.hunt import difference
from tests.conformance.oracle import Oracle

pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("go") is None and not os.environ.get("CI"), reason="go is not installed"
    ),
]
_ROUND = settings(
    max_examples=120,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
_RANDOMS = st.randoms(use_true_random=False, note_method_calls=False)


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as running:
        yield running


def _assert_agreement(oracle: Oracle, case: Case) -> None:
    found = difference(case, oracle.ask(case))
    if found and all(difference(case, oracle.ask(case)) for _ in range(4)):
        raise AssertionError("\n".join([*found, case.archive().decode("utf-8", "replace")]))


@_ROUND
@given(random=_RANDOMS)
def test_random_projects_load_as_in_compose_go(oracle: Oracle, random: Random) -> None:
    _assert_agreement(oracle, generate.project(random))


@_ROUND
@given(random=_RANDOMS)
def test_changed_cases_load_as_in_compose_go(oracle: Oracle, random: Random) -> None:
    _assert_agreement(oracle, mutate.project(random))


@_ROUND
@given(random=_RANDOMS)
def test_changed_white_space_loads_as_in_compose_go(oracle: Oracle, random: Random) -> None:
    _assert_agreement(oracle, whitespace.project(random))


def test_the_oracle_gives_the_recorded_answers(oracle: Oracle) -> None:
    wrong = []
    for case in all_cases():
        answer = oracle.ask(case)
        if case.config is None or answer.config is None:
            if case.config is not answer.config:
                wrong.append(case.name)
        elif list(differences(case.config, answer.config)):
            wrong.append(case.name)

    assert wrong == []
