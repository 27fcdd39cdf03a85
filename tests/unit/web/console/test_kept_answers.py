from __future__ import annotations

import itertools

from policyd.web.console.kept_answers import MAX_KEPT, KeptAnswers

SECOND = 1_000_000_000


def test_an_answer_is_made_once_in_its_lifetime() -> None:
    now = [0]
    numbers = itertools.count()
    kept: KeptAnswers[int] = KeptAnswers(lambda: now[0], 10)

    def find(key: str) -> int:
        return kept.find(key, lambda: next(numbers))

    assert [find("a"), find("b"), find("a")] == [0, 1, 0]
    now[0] = 10 * SECOND - 1
    assert find("a") == 0
    now[0] += 1
    assert [find("a"), find("a")] == [2, 2]
    now[0] = 5 * SECOND  # the clock was set back
    assert find("a") == 3


def test_few_answers_are_kept() -> None:
    numbers = itertools.count()
    kept: KeptAnswers[int] = KeptAnswers(lambda: 0, 10)
    for key in range(MAX_KEPT + 1):
        kept.find(key, lambda: next(numbers))

    assert kept.find(MAX_KEPT, lambda: next(numbers)) == MAX_KEPT
    assert kept.find(0, lambda: next(numbers)) == MAX_KEPT + 1
