"""A word of the table without an implementation, and the reverse, are found at import."""

from __future__ import annotations

import pytest

from policyd.compose.table.rules import NAMES, implementing, require
from tests.support.cases import cases


def test_rules_are_returned_when_they_are_exactly_those_of_the_table() -> None:
    rules = dict.fromkeys(NAMES["cast"], 1)

    assert implementing("cast", rules) is rules


@cases(("change", "odd"), [({"flaot": 1}, "flaot"), ({"float": None}, "float")])
def test_a_rule_too_many_or_too_few_is_refused(change: dict[str, int | None], odd: str) -> None:
    rules = {**dict.fromkeys(NAMES["cast"], 1), **change}
    rules = {name: rule for name, rule in rules.items() if rule is not None}

    with pytest.raises(ValueError, match="the cast rules of the table") as error:
        implementing("cast", rules)

    assert str(error.value).endswith(f"differ: {odd}")


def test_an_unknown_word_is_refused() -> None:
    require("bool", NAMES["cast"], "cast")
    with pytest.raises(ValueError, match="unknown cast 'boool'"):
        require("boool", NAMES["cast"], "cast")
