"""A table of rows is one test, and each row that fails is named."""

from __future__ import annotations

import inspect

import pytest

from tests.support.cases import cases


def test_each_row_is_called_with_its_values_and_the_fixtures_of_the_test() -> None:
    seen = []

    @cases("text, number", [("a", 1), pytest.param("b", 2, id="second")])
    @cases("flag", [True, False])
    def test(text: str, flag: bool, number: int, fixture: str) -> None:
        seen.append((text, number, flag, fixture))

    assert list(inspect.signature(test).parameters) == ["fixture"]
    test(fixture="f")

    assert seen == [
        ("a", 1, True, "f"), ("a", 1, False, "f"), ("b", 2, True, "f"), ("b", 2, False, "f"),
    ]  # fmt: skip


def test_every_row_that_fails_is_named() -> None:
    @cases(
        ("number", "name"), [(1, "a"), (2, "b"), (3, "c"), (4, "d")], ids=["i", "ii", "iii", "iv"]
    )
    def test(number: int, name: str) -> None:
        if number == 4:
            pytest.fail("four")
        assert number % 2

    with pytest.raises(BaseExceptionGroup, match="2 of 4 cases fail") as found:
        test()

    assert [failure.__notes__ for failure in found.value.exceptions] == [["case: ii"], ["case: iv"]]


def test_one_row_that_fails_is_reported_as_it_failed() -> None:
    @cases("number", [1, 0])
    def test(number: int) -> None:
        assert 1 // number

    with pytest.raises(ZeroDivisionError) as found:
        test()

    assert found.value.__notes__ == ["case: number=0"]


def test_a_table_without_rows_and_marks_of_a_row_are_refused() -> None:
    @cases("number", [])
    def test(number: int) -> None: ...

    with pytest.raises(AssertionError, match="no rows"):
        test()
    with pytest.raises(AssertionError, match="no marks"):
        cases("number", [pytest.param(1, marks=pytest.mark.slow)])


def test_a_row_with_a_value_too_many_is_refused() -> None:
    with pytest.raises(ValueError):
        cases("number, name", [(1, "a", "b")])
