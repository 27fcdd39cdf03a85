"""Many globs at once: the same answers as one glob after the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.policies import glob_index
from policyd.policies.glob_index import GlobIndex
from policyd.policies.matching import matches
from tests.support.work import lines_run

GLOBS = st.text(alphabet="ab/*", max_size=8)
TEXTS = st.text(alphabet="ab/*", max_size=10)


@pytest.mark.thorough
@given(st.lists(GLOBS, max_size=12), st.lists(TEXTS, min_size=1, max_size=6))
def test_it_finds_the_globs_that_match(globs: list[str], texts: list[str]) -> None:
    index = GlobIndex((glob, number) for number, glob in enumerate(globs))

    for text in (*texts, *texts):
        assert index.matching(text) == sum(
            1 << number for number, glob in enumerate(globs) if matches(glob, text)
        )


def test_an_owner_may_have_several_globs_and_a_glob_several_owners() -> None:
    index = GlobIndex([("ml/*", 0), ("web", 0), ("ml/*", 3), ("web", 2)])

    assert index.matching("ml/train") == 0b1001
    assert index.matching("web") == 0b0101
    assert index.matching("ml") == 0


def test_it_forgets_texts_beyond_a_limit_and_answers_alike(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(glob_index, "MAX_REMEMBERED", 10)
    index = GlobIndex([("a*b", 0), ("**/c", 1)])

    answers = [index.matching(text) for text in ("axxb", "x/y/c", "axxb", "abc/c", "x/y/c")]

    assert answers == [1, 2, 1, 2, 2]
    assert index._remembered <= 10 + 3


def test_the_work_does_not_grow_with_the_number_of_globs() -> None:
    few, many = (
        GlobIndex((f"services/*/devices/{n}/**", n) for n in range(number))
        for number in (10, 1_000)
    )
    text = "services/trainer/devices/7/capabilities/0"

    assert few.matching(text) == many.matching(text) == 1 << 7
    assert lines_run(lambda: few.matching(text)) == lines_run(lambda: many.matching(text))
