from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from policyd.compose.text.template import MAX_DEPTH, MAX_GROWTH, TemplateError, substitute
from tests.support.cases import cases

VARIABLES = {"SET": "value", "OTHER": "second", "EMPTY": "", "DOLLAR": "$SET ${SET} $$"}


def filled(text: str) -> str:
    """Interpolate `text` with VARIABLES; a variable without value and default is an error."""

    def unexpected(name: str) -> None:
        raise AssertionError(f"{name} was reported as missing")

    return substitute(text, VARIABLES.get, unexpected)


def missing_in(text: str) -> list[str]:
    names: list[str] = []
    substitute(text, VARIABLES.get, names.append)
    return names


@cases(
    ("text", "expected"),
    [
        ("", ""),
        ("no dollar {at} all", "no dollar {at} all"),
        ("$SET", "value"),
        ("${SET}", "value"),
        ("$SET.$OTHER-${SET}x", "value.second-valuex"),
        ("$EMPTY", ""),
        ("${EMPTY}", ""),
        ("line\n${SET}\nline", "line\nvalue\nline"),
        ("é${SET}ü", "évalueü"),
    ],
)
def test_a_variable_is_replaced_by_its_value(text: str, expected: str) -> None:
    assert filled(text) == expected


@cases(
    ("text", "expected"),
    [
        ("${NO:-t}", "t"),
        ("${NO-t}", "t"),
        ("${NO:+t}", ""),
        ("${NO+t}", ""),
        ("${EMPTY:-t}", "t"),
        ("${EMPTY-t}", ""),
        ("${EMPTY:+t}", ""),
        ("${EMPTY+t}", "t"),
        ("${EMPTY?t}", ""),
        ("${SET:-t}", "value"),
        ("${SET-t}", "value"),
        ("${SET:+t}", "t"),
        ("${SET+t}", "t"),
        ("${SET:?t}", "value"),
        ("${SET?t}", "value"),
        ("${NO:-}", ""),
        ("${SET:?}", "value"),
    ],
)
def test_each_operator_chooses_between_value_and_text(text: str, expected: str) -> None:
    assert filled(text) == expected


@cases(("text", "name"), [("${NO:?t}", "NO"), ("${NO?t}", "NO"), ("${EMPTY:?t}", "EMPTY")])
def test_a_required_variable_without_a_value_is_an_error_with_its_reason(
    text: str, name: str
) -> None:
    with pytest.raises(TemplateError) as error:
        filled(text)

    assert str(error.value) == f"required variable '{name}' is missing a value: 't'"
    assert error.value.reason == f"required variable '{name}' is missing a value"


def test_the_reason_of_a_required_variable_does_not_show_values_of_others() -> None:
    with pytest.raises(TemplateError) as error:
        filled("${NO:?use ${SET}}")

    assert str(error.value) == "required variable 'NO' is missing a value: 'use ${SET}'"


@cases(
    ("text", "expected"),
    [
        ("$$", "$"),
        ("$$SET", "$SET"),
        ("$$$SET", "$value"),
        ("$${SET}", "${SET}"),
        ("${NO:-$$x}", "$x"),
    ],
)
def test_two_dollars_are_one_and_start_no_variable(text: str, expected: str) -> None:
    assert filled(text) == expected


@cases("text", ["$1", "$?", "$(ls)", "$ ", "$.", "end$", "$é", "a $"])
def test_a_dollar_before_anything_else_stays(text: str) -> None:
    assert filled(text) == text


@cases(
    ("text", "expected"),
    [
        ("$\u212a", "kelvin"),
        ("${\u017f}", "long s"),
        ("$se", "lower"),
        ("${_1}", "underscore"),
    ],
)
def test_names_are_exact_and_take_the_two_signs_that_fold_to_letters(
    text: str, expected: str
) -> None:
    values = {"\u212a": "kelvin", "\u017f": "long s", "se": "lower", "_1": "underscore"}

    assert substitute(text, values.get, lambda name: None) == expected


@cases(
    ("text", "expected"),
    [
        ("${MY-TAG}", "TAG"),
        ("${NO:-b-c:+d?e}", "b-c:+d?e"),
        ("${NO-x:-y}", "x:-y"),
        ("${NO:-https://h:8443/p?q=1-2+3}", "https://h:8443/p?q=1-2+3"),
        ("${NO:- 'a' \"b\" }", " 'a' \"b\" "),
    ],
)
def test_only_the_operator_right_after_the_name_counts(text: str, expected: str) -> None:
    assert filled(text) == expected


@cases(
    ("text", "expected"),
    [
        ("${NO:-${SET}}", "value"),
        ("${NO:-${NO2:-${NO3-deep}}}", "deep"),
        ("${NO:-$SET and ${OTHER}} tail", "value and second tail"),
        ("${NO:-a}${NO:-b} ${SET} ${NO:-c}}", "ab value c}"),
        ("${SET:+[${OTHER}]}", "[second]"),
        ("${NO:-a}\n}", "a\n}"),
    ],
)
def test_defaults_nest_and_several_expressions_share_a_line(text: str, expected: str) -> None:
    assert filled(text) == expected


@cases(
    ("text", "expected"),
    [
        ("${NO:-{}}", "{}"),
        ("${NO:-{x}", "{x"),
        ("${NO:-x}}", "x}"),
        ("${NO:-{a}}", "{a}"),
        ("${NO:-{{a}}}", "{{a}}"),
    ],
)
def test_braces_in_a_default_are_counted_as_compose_counts_them(text: str, expected: str) -> None:
    assert filled(text) == expected


def test_empty_braces_do_not_close_so_the_default_runs_to_the_last_brace_of_the_line() -> None:
    with pytest.raises(TemplateError):
        filled("${NO:-{}} ${NO:-x}")
    assert filled("${NO:-{}} }") == "{}} "


@cases(
    "text",
    [
        "${}",
        "${1A}",
        "${SET%%x}",
        "${!SET}",
        "${SET:}",
        "${ SET }",
        "${SET",
        "${",
        "${NO:-x",
        "${NO:-x\n}",
        "${SET:=x}",
        "fine ${SET} then ${-}",
        "${NO:-${}}",
    ],
)
def test_a_malformed_expression_is_an_error(text: str) -> None:
    with pytest.raises(TemplateError, match="invalid interpolation format"):
        filled(text)


def test_the_error_of_a_malformed_expression_shows_where_it_starts() -> None:
    with pytest.raises(TemplateError) as error:
        filled("fine $SET then ${1A}")

    assert str(error.value) == (
        "invalid interpolation format (write $$ for a dollar sign): '${1A}'"
    )


def test_a_default_that_is_not_used_is_not_read() -> None:
    assert filled("${SET:-${1A}}") == "value"
    assert filled("${NO:+${1A}}") == ""
    assert filled("${SET:?${1A}}") == "value"


def test_a_value_is_never_interpolated_again() -> None:
    assert filled("$DOLLAR|${DOLLAR:-x}") == "$SET ${SET} $$|$SET ${SET} $$"


def test_missing_is_told_of_each_use_of_an_unset_variable_without_a_default() -> None:
    assert missing_in("$NO1 ${NO2} $NO1 ${NO3:-x} ${NO4-x} ${NO5:+x} ${NO6+x} $SET $EMPTY") == [
        "NO1",
        "NO2",
        "NO1",
    ]


def test_missing_is_told_of_variables_in_a_default_that_is_used_and_in_no_other() -> None:
    assert missing_in("${NO:-$NESTED} ${SET:-$UNUSED} ${NO:+$UNUSED} ${SET:+${ALSO}}") == [
        "NESTED",
        "ALSO",
    ]


def nested(depth: int) -> str:
    return "${NO:-" * depth + "x" + "}" * depth


@pytest.mark.thorough
def test_defaults_nest_up_to_the_limit_and_no_deeper() -> None:
    assert filled(nested(MAX_DEPTH)) == "x"
    with pytest.raises(TemplateError, match="nested more than"):
        filled(nested(MAX_DEPTH + 1))
    with pytest.raises(TemplateError, match="nested more than"):
        filled(nested(50_000))


def test_a_text_may_grow_up_to_the_limit_and_no_more() -> None:
    value = "v" * (MAX_GROWTH // 4)
    text = "$V" * 4

    assert substitute(text, {"V": value}.get, lambda name: None) == value * 4
    with pytest.raises(TemplateError, match="longer"):
        substitute(text + "$V$V", {"V": value}.get, lambda name: None)
    with pytest.raises(TemplateError, match="longer"):
        substitute("${NO:-$V$V$V}$V$V", {"V": value}.get, lambda name: None)


@pytest.mark.slow
def test_a_long_text_without_variables_has_no_limit() -> None:
    text = "$$" * MAX_GROWTH

    assert filled(text) == "$" * MAX_GROWTH


@pytest.mark.slow
def test_many_expressions_on_one_line_are_all_read() -> None:
    assert filled("${NO:-a}${SET:+b}" * 50_000) == "ab" * 50_000


@pytest.mark.thorough
@given(st.text(alphabet="${}:-+?ABSET \n", max_size=60))
def test_any_text_gives_a_text_or_a_template_error(text: str) -> None:
    names: list[str] = []
    try:
        result = substitute(text, VARIABLES.get, names.append)
    except TemplateError:
        assert "${" in text
    else:
        assert isinstance(result, str)
        assert all(re.search(rf"\$\{{?{name}", text) for name in names)


@pytest.mark.thorough
@given(st.text())
def test_doubling_every_dollar_gives_the_text_itself(text: str) -> None:
    assert filled(text.replace("$", "$$")) == text


@pytest.mark.thorough
@given(st.text(alphabet=st.characters(blacklist_characters="{}$\r\n")))
def test_a_default_without_braces_and_dollars_is_literal(text: str) -> None:
    assert filled(f"${{NO:-{text}}}") == text


PIECES = ("${SET", "${NO", "${EMPTY", ":-", "-", ":+", "?", "}", "{", "text", "$", "\n")


@pytest.mark.thorough
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
@example("${NO:-a}b}")
@example("${NO:-a{b}c}")
@example("${EMPTY:-}")
@example("a${NO}b")
def test_a_dollar_sign_before_a_text_changes_nothing_else_in_it(text: str) -> None:
    """One variable alone is read by a shorter way; `$$` sends the text the long way."""

    def read(whole: str) -> tuple[str, list[str]]:
        names: list[str] = []
        try:
            return substitute(whole, VARIABLES.get, names.append), names
        except TemplateError as error:
            return f"$refused: {error}", []

    alone, (behind, names) = read(text), read("$$" + text)

    assert behind == (alone[0] if alone[0].startswith("$refused") else "$" + alone[0])
    assert names == alone[1]
