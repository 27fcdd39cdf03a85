"""Many selectors at once: the same answers as one selector after the other."""

from __future__ import annotations

from policyd.model import Review, Source
from policyd.policies.matching import Selector, subject
from policyd.policies.selector_index import SelectorIndex, bits, numbers

SELECTORS = [
    Selector(),
    Selector(repositories=("ml/*",)),
    Selector(repositories=("web",), hosts=("gpu-*",)),
    Selector(services=("web-*",)),
    Selector(paths=("services/*/image",)),
    Selector(services=("web-*",), paths=("services/*/image",)),
]
INDEX = SelectorIndex(SELECTORS)
KNOWN = subject(Review("u", "ci", 1, source=Source(repository="ml/train", host="gpu-1")), "p")
UNKNOWN = subject(Review("u", "ci", 1), "")


def test_an_unknown_field_matches_a_constraint_but_grants_and_excludes_nothing() -> None:
    assert list(numbers(INDEX.matched(KNOWN))) == [0, 1, 3, 4, 5]
    assert list(numbers(INDEX.matched(UNKNOWN))) == [0, 1, 2, 3, 4, 5]
    assert list(numbers(INDEX.granted(KNOWN))) == [0, 1, 3, 4, 5]
    assert list(numbers(INDEX.granted(UNKNOWN))) == [0, 3, 4, 5]
    assert list(numbers(INDEX.excluded(KNOWN))) == [1]
    assert list(numbers(INDEX.excluded(UNKNOWN))) == []


def test_a_violation_without_a_service_is_reported_to_all_and_covered_by_none_that_names_one() -> (
    None
):
    assert list(numbers(INDEX.for_service("web-1"))) == [0, 1, 2, 3, 4, 5]
    assert list(numbers(INDEX.for_service("db"))) == [0, 1, 2, 4]
    assert list(numbers(INDEX.for_service(""))) == [0, 1, 2, 3, 4, 5]
    assert list(numbers(INDEX.covering("", ("services", "web-1", "image")))) == [0, 1, 2, 4]
    assert list(numbers(INDEX.covering("web-1", ("services", "web-1", "image")))) == [*range(6)]
    assert list(numbers(INDEX.covering("web-1", ("services", 0)))) == [0, 1, 2, 3]


def test_numbers_are_bits() -> None:
    assert bits(iter([0, 3])) == 0b1001
    assert list(numbers(0b1001)) == [0, 3]
    assert list(numbers(0)) == []
