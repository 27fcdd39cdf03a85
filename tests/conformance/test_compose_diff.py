"""Answers of two versions of compose-go are compared by meaning, not by wording."""

from __future__ import annotations

from tests.conformance.comparison import parse_json
from tests.conformance.compose_diff import changes
from tests.conformance.oracle import Answer

_ONE = Answer(config=parse_json('{"services": {"a": {"scale": 1}}}'))
_TWO = Answer(config=parse_json('{"services": {"a": {"scale": 2}}}'))


def test_equal_models_are_no_change() -> None:
    assert changes(_ONE, _ONE) == []


def test_two_refusals_are_no_change() -> None:
    assert changes(Answer(error="a"), Answer(error="b")) == []


def test_a_new_refusal_is_shown_with_its_text() -> None:
    assert changes(_ONE, Answer(error="bad scale\n")) == ["refused now: bad scale"]


def test_a_new_acceptance_is_shown_with_the_former_refusal() -> None:
    assert changes(Answer(error="bad scale"), _ONE) == ["accepted now; before: bad scale"]


def test_a_changed_value_is_shown_with_its_path() -> None:
    assert changes(_ONE, _TWO) == ["$.services.a.scale: expected 1, got 2"]
