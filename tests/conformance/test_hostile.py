"""The loader loads or refuses every project, whatever its files contain; it never crashes."""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policyd.compose import load
from tests.conformance import fuzz
from tests.conformance.agreement import REFUSALS
from tests.conformance.case import Case
from tests.conformance.hostile import HOSTILE, is_large

_ROUNDS = 5 if os.environ.get("CI") else 1
_ROUND = settings(
    max_examples=40 * _ROUNDS,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def _loads_or_refuses(case: Case) -> str:
    try:
        printed = load(case.bundle()).config()
    except REFUSALS as refusal:
        return str(refusal)
    assert isinstance(printed, dict)
    return ""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if is_large(name) else []) for name in HOSTILE],
)
def test_hostile_project_is_loaded_or_refused_in_few_words(name: str) -> None:
    refusal = _loads_or_refuses(HOSTILE[name]())

    assert len(refusal) < 2_000


@pytest.mark.thorough
@_ROUND
@given(content=st.binary(max_size=200))
def test_random_bytes_are_loaded_or_refused(content: bytes) -> None:
    _loads_or_refuses(Case("bytes", {"compose.yaml": content}))


@pytest.mark.thorough
@_ROUND
@given(content=st.text(alphabet="ab:- \n\t{}[]&*!|>'\"%@`#?,<~$\\0\u2028\ufeff", max_size=80))
def test_random_yaml_is_loaded_or_refused(content: str) -> None:
    _loads_or_refuses(Case("text", {"compose.yaml": content.encode()}))


@pytest.mark.thorough
@settings(_ROUND, max_examples=16 * _ROUNDS)
@given(random=st.randoms(use_true_random=False, note_method_calls=False))
def test_damaged_projects_are_loaded_or_refused(random: Random) -> None:
    _loads_or_refuses(fuzz.project(random))
