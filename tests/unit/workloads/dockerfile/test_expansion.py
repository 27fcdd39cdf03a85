from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.workloads.dockerfile.expansion import (
    MAX_DEPTH,
    MAX_VALUES,
    DockerfileText,
    ExpansionError,
)
from tests.support.cases import cases

VARIABLES = {"SET": "value", "EMPTY": "", "TWO": "a b"}


@cases(
    ("word", "expected"),
    [
        ("", ""),
        ("plain text", "plain text"),
        ("$SET-${SET}", "value-value"),
        ("$NO${NO}", ""),
        ("$1$?$$$", "$"),
        ("'$SET' \"$SET\"", "$SET value"),
        ('\\$SET \\a \'\\a\' "\\a\\"\\$\\\\"', '$SET a \\a \\a"$\\'),
        ("${NO:-d}${NO-d}${NO:+d}${NO+d}", "dd"),
        ("${EMPTY:-d}${EMPTY-d}${EMPTY:+d}${EMPTY+d}", "dd"),
        ("${SET:-d}${SET-d}${SET:+d}${SET+d}", "valuevaluedd"),
        ("${SET?x}${SET:?x}${EMPTY?x}", "valuevalue"),
        ("${NO:-${NO:-'in }'}}", "in }"),
        ("a << b<c", "a << b<c"),
        ("\ufeffNAME", "NAME"),
        ("x\ufeff", "x\ufeff"),
        ("ends with \\", "ends with "),
    ],
)
def test_variables_quotes_and_escapes_are_replaced(word: str, expected: str) -> None:
    assert DockerfileText(word, VARIABLES).expand() == expected


def test_the_escape_character_can_be_a_backquote() -> None:
    assert DockerfileText("`$SET \\$SET", VARIABLES, escape="`").expand() == "$SET \\value"


@cases(
    "word",
    [
        "'open",
        '"open',
        '"open\\',
        "${",
        "${}",
        "${{",
        "${:x}",
        "${SET",
        "${SET:-x",
        "${SET@x}",
        "${SET:=x}",
        "${NO?x}",
        "${EMPTY:?x}",
        "${SET:#x}",
        "${SET#v}",
        "${SET%e}",
        "${SET/v/w}",
        "${SET/v}",
    ],
)
def test_what_buildkit_refuses_or_is_not_supported_is_an_error(word: str) -> None:
    with pytest.raises(ExpansionError):
        DockerfileText(word, VARIABLES).expand()


@cases(
    ("line", "words"),
    [
        ("", []),
        (" RUN  a\tb\u00a0c ", ["RUN", "a", "b", "c"]),
        ("a\x1fb", ["a\x1fb"]),
        ("'a b' \"c d\" e\\ f", ["'a b'", '"c d"', "e\\ f"]),
        ("x << EOF y <<-\tE", ["x", "<< EOF", "y", "<<-", "E"]),
        ("$SET ${SET} ${NO:-a b}", ["$SET", "${SET}", "${NO:-a", "b}"]),
        ("lost${NO:-a}<<E", ["${NO:-a}<<E"]),
        ("${NO/a b/c}", ["${NO/a", "b/c}"]),
        ("${NO//a/b}", ["${NO/a/b}"]),
        ("${NO#a}${NO:xb}", ["${NO:xb}"]),
    ],
)
def test_raw_words_keep_what_is_written(line: str, words: list[str]) -> None:
    assert DockerfileText(line, raw=True).words() == words


def test_values_are_divided_into_words_too() -> None:
    assert DockerfileText("x$TWO '$TWO'", VARIABLES).words() == ["xa", "b", "$TWO"]


def test_variables_nest_up_to_a_limit() -> None:
    nested = "${NO:-" * MAX_DEPTH + "x" + "}" * MAX_DEPTH

    assert DockerfileText(nested).expand() == "x"
    with pytest.raises(ExpansionError, match="nested"):
        DockerfileText("${NO:-" + nested + "}").expand()
    with pytest.raises(ExpansionError, match="nested"):
        DockerfileText("${NO:-" * 100_000).expand()


def test_values_may_not_bring_in_more_than_a_limit() -> None:
    variables = {"V": "v" * (MAX_VALUES // 2)}

    assert DockerfileText("$V$V", variables).expand() == "v" * MAX_VALUES
    with pytest.raises(ExpansionError, match="bring in"):
        DockerfileText("$V$V${V}", variables).expand()


@given(st.text(alphabet="aS$E{}:-+?'\"\\/#<T \n", max_size=30))
def test_any_text_gives_a_text_or_an_error(text: str) -> None:
    for word in (DockerfileText(text, VARIABLES), DockerfileText(text, raw=True)):
        try:
            word.words()
        except ExpansionError:
            continue
