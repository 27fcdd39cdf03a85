"""Texts without values of variables, and values of which nothing is masked."""

from __future__ import annotations

from typing import Any

from policyd.masked_texts import MaskedTexts
from tests.support.cases import cases


@cases(
    ("variables", "shown", "masked"),
    [
        (["hunter22"], "a hunter22 and Hunter22b", "a *** and ***b"),
        (["hunter22"], "hunter22", "***"),
        (["hunter22"], "nothing", "nothing"),
        (["hunter22", "abcd"], "HUNTER22 has ABCD", "*** has ***"),
        (["abcdefgh", "abcd"], "abcdefgh, abcd", "***, ***"),
        (["straße"], "in STRAßE and strasse", "in *** and strasse"),
        (["kelvin"], "\N{KELVIN SIGN}elvin", "***"),
        (["hunter22"], "ä hunter22", "ä ***"),
        (["abcd"], "abc", "abc"),
        ([], "https://me:pw@example.org/a?b", "https://example.org/a"),
    ],
)
def test_values_of_variables_are_masked_in_whatever_case(
    variables: list[str], shown: str, masked: str
) -> None:
    assert MaskedTexts(variables)[shown] == masked


@cases(
    ("value", "stays"),
    [
        ([{"a": "text", "b": [1, None, True]}], True),
        ([{"a": "in Hunter22b"}], False),
        ([{"HUNTER22": 1}], False),
        ([8443], False),
        (["184430"], False),
        (['say "Hi\\'], False),
        (["say"], True),
        (["me@example.org"], False),
        (["http://example.org"], False),
        (["\N{KELVIN SIGN}"], False),
        (["\ud800"], False),
        ([2**64], True),
        ([{"labels": 1}], False),
        (["labels"], True),
    ],
)
def test_a_value_stays_only_if_its_json_has_nothing_to_mask(value: Any, stays: bool) -> None:
    texts = MaskedTexts(["hunter22", "8443", 'say "hi\\'])

    assert texts.stays(value, (b'"labels":',)) is stays


def test_values_of_variables_beyond_ascii_may_occur_anywhere() -> None:
    assert MaskedTexts(["straße"]).stays(["street"]) is False
