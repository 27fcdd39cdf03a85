from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.compose.text.command_line import CommandLineError, split
from tests.support.cases import cases


@cases(
    ("line", "words"),
    [
        ("", []),
        (" \t\r\n", []),
        ("run", ["run"]),
        ("  run\t--now\r\nx  ", ["run", "--now", "x"]),
        ("a # b", ["a", "#", "b"]),
        ("a\u00a0b\vc", ["a\u00a0b\vc"]),
        ("$HOME ${X} ~ *", ["$HOME", "${X}", "~", "*"]),
    ],
)
def test_words_are_divided_at_blanks_and_nothing_is_expanded(line: str, words: list[str]) -> None:
    assert split(line) == words


@cases(
    ("line", "words"),
    [
        ("'a b' \"c d\"", ["a b", "c d"]),
        ("a'b c'd\"e f\"g", ["ab cde fg"]),
        ("'' \"\" x", ["", "", "x"]),
        ("''\"\"", [""]),
        ("a''", ["a"]),
        ("'\"' \"'\"", ['"', "'"]),
        ("'a;b|c' \"d&e>f\"", ["a;b|c", "d&e>f"]),
        ("'(a)' \"$(b)\" '`'", ["(a)", "$(b)", "`"]),
        ("'two\nlines'", ["two\nlines"]),
    ],
)
def test_quotes_keep_blanks_and_marks_together(line: str, words: list[str]) -> None:
    assert split(line) == words


@cases(
    ("line", "words"),
    [
        (r"a\ b", ["a b"]),
        (r"\t\n\x\\", ["\t\nx\\"]),
        (r'"\t\"\x"', ['\t"x']),
        (r"'\t\x'", [r"\t\x"]),
        (r"a\;b\|c", ["a;b|c"]),
        (r"\'a", ["'a"]),
        ("a\\\nb", ["a\nb"]),
    ],
)
def test_a_backslash_keeps_the_next_character_outside_single_quotes(
    line: str, words: list[str]
) -> None:
    assert split(line) == words


@cases("operator", [";", "&", "|", "<", ">", "&&", "||", ">>"])
def test_an_unquoted_operator_ends_the_command(operator: str) -> None:
    assert split(f"run a{operator}b 'open") == ["run", "a"]
    assert split(f"{operator}x") == []


@cases(
    ("line", "words"),
    [
        ("run 2>x", ["run"]),
        ("run a2>x", ["run", "a2"]),
        ("run 2<x", ["run", "2"]),
        ("run '2'>x", ["run"]),
        ("run ''>x", ["run", ""]),
    ],
)
def test_a_number_right_before_a_redirection_is_dropped(line: str, words: list[str]) -> None:
    assert split(line) == words


@cases(
    ("line", "words"),
    [
        ("a $(b c; d) e", ["a", "$(b c; d)", "e"]),
        ("a `b c; (d)` e", ["a", "`b c; (d)`", "e"]),
        ("a$(b)c", ["a$(b)c"]),
        (r"$(a\tb\))", [r"$(a\tb\))"]),
        ("$('x)", ["$('x)"]),
        (r"\$(a b)", ["$(a b)"]),
        ('"$"(a b)', ["$(a b)"]),
    ],
)
def test_command_substitutions_stay_text_of_one_word(line: str, words: list[str]) -> None:
    assert split(line) == words


@cases(
    "line",
    [
        "'a",
        '"a',
        "`a",
        "$(a",
        "a\\",
        "(a)",
        "a(b",
        "a)",
        "$((1))",
        "$$ (a)",
        r"\\$(a)",
        r"a\\$(b)",
    ],
)
def test_what_is_left_open_and_a_bare_parenthesis_are_errors(line: str) -> None:
    with pytest.raises(CommandLineError):
        split(line)


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(CommandLineError) as error:
        split("run 'a b")
    assert str(error.value) == 'the single quote is not closed in "run \'a b"'
    with pytest.raises(CommandLineError) as error:
        split("run (a)")
    assert str(error.value) == "unquoted '(' in 'run (a)'"


@pytest.mark.thorough
def test_a_long_command_of_many_marks_is_split() -> None:
    assert split("'a'" * 200_000) == ["a" * 200_000]


@pytest.mark.thorough
@given(st.lists(st.text(), max_size=6))
def test_words_in_single_quotes_come_back(words: list[str]) -> None:
    line = " ".join("'" + word.replace("'", "'\\''") + "'" for word in words)

    assert split(line) == words


@given(st.text(alphabet="ab \\'\"`$();|>1\n", max_size=30))
def test_any_text_gives_words_or_an_error(line: str) -> None:
    try:
        words = split(line)
    except CommandLineError:
        return
    assert all(isinstance(word, str) for word in words)
