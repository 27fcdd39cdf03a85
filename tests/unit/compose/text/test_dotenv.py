from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policyd.compose.text.dotenv import MAX_RAW_LINE, DotenvError, Variable, parse, parse_raw
from policyd.compose.text.template import MAX_GROWTH
from tests.support.cases import cases

CALLER = {"HOME": "/home/user", "EMPTY": ""}


def values(text: str, known: dict[str, str] | None = None) -> dict[str, str]:
    """Read `text` with CALLER as lookup; a variable without any value is blank."""
    found = parse(text.encode(), CALLER.get, known or {})
    return {name: variable.value for name, variable in found.items()}


def error_of(text: str) -> tuple[str, int]:
    with pytest.raises(DotenvError) as error:
        values(text)
    return str(error.value), error.value.line


@cases(
    ("text", "expected"),
    [
        ("", {}),
        ("\n \t\n", {}),
        ("# only a comment", {}),
        ("A=1", {"A": "1"}),
        ("A=1\n", {"A": "1"}),
        ("  A = 1  \n", {"A": "1"}),
        ("A:1\n", {"A": "1"}),
        ("A=\nB=2\n", {"A": "", "B": "2"}),
        ("A=1\nA=2\n", {"A": "2"}),
        ("A=b=c:d\n", {"A": "b=c:d"}),
        ("1A=x\nA.b-c[0]=y\né²=z\n", {"1A": "x", "A.b-c[0]": "y", "é²": "z"}),
        ("export A=1\nexport\tB=2\nexportC=3\n", {"A": "1", "B": "2", "exportC": "3"}),
        ("=x\n", {"": "x"}),
        ("A\tB=x\n", {"A\tB": "x"}),
    ],
)
def test_a_statement_is_a_name_and_a_value(text: str, expected: dict[str, str]) -> None:
    assert values(text) == expected


@cases(
    ("text", "value"),
    [
        ("A=one # comment", "one"),
        ("A=one#two", "one#two"),
        ("A=#hash", "#hash"),
        ("A= # only a comment", "# only a comment"),
        ("A=one\t# kept", "one\t# kept"),
        ("A=back\\slash\\n", "back\\slash\\n"),
        ('A=it\'s "so"', 'it\'s "so"'),
        ("A=\u00a0x\u2003", "x"),
        ("A=\u2003x", "\u2003x"),
    ],
)
def test_an_unquoted_value_ends_with_the_line_or_at_a_blank_and_hash(text: str, value: str) -> None:
    assert values(text) == {"A": value}


@cases(
    ("text", "value"),
    [
        ("'$HOME ${X:-y} \\n # x'", "$HOME ${X:-y} \\n # x"),
        ("'it\\'s'", "it's"),
        ("'two\nlines'", "two\nlines"),
        ("'\\\\'", "\\\\"),
        ("''", ""),
    ],
)
def test_single_quotes_keep_everything_but_an_escaped_quote(text: str, value: str) -> None:
    assert values(f"A={text}\n") == {"A": value}


@cases(
    ("text", "value"),
    [
        ('"two\nlines # x"', "two\nlines # x"),
        (r'"\a\b\f\n\r\t\v\\\""', '\a\b\f\n\r\t\v\\"'),
        (r'"\$HOME $HOME"', "$HOME /home/user"),
        (r'"\x41\c\1\e"', r"\x41\c\1\e"),
        (r'"\0101\0377\012\0\0400\0899"', "A\u00ff\\12\\\\400\\899"),
        (r'"\\$HOME"', "\\/home/user"),
        ('""', ""),
    ],
)
def test_double_quotes_take_escapes_and_variables(text: str, value: str) -> None:
    assert values(f"A={text}\n") == {"A": value}


def test_after_a_closing_quote_reading_goes_on_at_once() -> None:
    assert values("A=\"x\"B=2\nC='y' # comment\nD='z'#E=1\n") == {
        "A": "x",
        "B": "2",
        "C": "y",
        "D": "z",
    }


def test_a_bare_name_takes_the_value_of_the_lookup_or_is_left_out() -> None:
    assert values("HOME\nNOPE\nEMPTY\nexport HOME\n") == {"HOME": "/home/user", "EMPTY": ""}


def test_a_bare_name_at_the_very_end_of_the_file_becomes_the_value_of_the_empty_name() -> None:
    assert values("A=1\nHOME") == {"A": "1", "": "HOME"}


def test_a_bare_name_is_not_taken_from_earlier_files() -> None:
    assert values("KNOWN\n", {"KNOWN": "x"}) == {}


def test_a_variable_comes_from_the_caller_then_this_file_then_earlier_ones() -> None:
    text = "HOME=mine\nA=first\nB=$HOME $A $OLD\nA=second\nC=${A}-${OLD:-x}-${NOPE:-y}\nD=$C\n"

    assert values(text, {"OLD": "old", "A": "older"}) == {
        "HOME": "mine",
        "A": "second",
        "B": "/home/user first old",
        "C": "second-old-y",
        "D": "second-old-y",
    }


def test_what_a_value_brings_in_is_not_interpolated_again() -> None:
    assert values("A='$HOME'\nB=$A\nC=a$$b\n") == {"A": "$HOME", "B": "$HOME", "C": "a$b"}


def test_a_variable_knows_what_it_uses_that_has_no_value() -> None:
    found = parse(b"A=$X\nB=\"${Y}$X\"\nC='$Z'\nD=${W:-1}\nE=$A\n", CALLER.get)

    assert {name: variable.unresolved for name, variable in found.items()} == {
        "A": ("X",),
        "B": ("Y", "X"),
        "C": (),
        "D": (),
        "E": (),
    }


def test_line_endings_and_the_byte_order_mark_are_no_part_of_values() -> None:
    assert values("\ufeffA=1\r\nB='x'\r\nC=\"y\"\r\n") == {"A": "1", "B": "x", "C": "y"}
    assert values("A=1\n\ufeffB=2\n".replace("\ufeff", "")) == {"A": "1", "B": "2"}


def test_each_name_has_the_line_of_its_last_statement() -> None:
    text = b"\n# c\nA=1\nB='x\ny'\nexport  C=3\nA=4\nD=\n\nE=5"

    assert parse(text, CALLER.get) == {
        "A": Variable("4", 7),
        "B": Variable("x\ny", 4),
        "C": Variable("3", 6),
        "D": Variable("", 8),
        "E": Variable("5", 10),
    }


def test_bytes_that_are_not_utf8_are_replaced_one_by_one() -> None:
    found = parse(b"A=a\xff\xe2\x82b\n", CALLER.get)

    assert found == {"A": Variable("a\ufffd\ufffd\ufffdb", 1)}


def test_errors_name_the_line_and_the_fault() -> None:
    assert error_of("A=1\nB C=secret\n") == ("a variable name cannot hold a space", 2)
    assert error_of("A=1\n\nB!=secret\n") == ("a variable name cannot hold '!'", 3)
    assert error_of("A=1\nB='secret\n\n") == ("the quoted value of 'B' is not closed", 2)
    assert error_of('A="secret\\"') == ("the quoted value of 'A' is not closed", 1)
    assert error_of("export ") == ("there is no variable name after export", 1)
    assert error_of("A=1\nB=secret${x\n") == (
        "the value of 'B': invalid interpolation format (write $$ for a dollar sign)",
        2,
    )
    assert error_of("A=1\nB=${NOPE:?secret}\n") == (
        "the value of 'B': required variable 'NOPE' is missing a value",
        2,
    )


def test_values_that_double_line_by_line_are_stopped() -> None:
    lines = ["A0=0123456789"] + [f"A{n + 1}=$A{n}$A{n}" for n in range(60)]

    message, line = error_of("\n".join(lines) + "\n")

    assert "grow" in message or "longer" in message
    assert line < 30


def test_many_values_that_grow_are_stopped_together() -> None:
    value = "v" * (MAX_GROWTH // 8)

    found = values(f"V={value}\n" + "".join(f"A{n}=$V\n" for n in range(8)))
    assert found["A7"] == value
    message, _ = error_of(f"V={value}\n" + "".join(f"A{n}=$V\n" for n in range(9)))
    assert message == f"values grow by more than {MAX_GROWTH} characters"


def test_long_hostile_texts_are_read_or_refused_without_trying_every_way() -> None:
    assert values("A=" + "x" * 500_000) == {"A": "x" * 500_000}
    assert values("\n#" * 200_000) == {}
    assert error_of("A='" + "\\x" * 200_000)[1] == 1
    assert error_of('A="' + "a\\\\" * 200_000)[1] == 1
    assert error_of("A" * 200_000 + "!")[1] == 1


@pytest.mark.thorough
@given(st.dictionaries(st.from_regex(r"[A-Z]{1,4}", fullmatch=True), st.text(), max_size=5))
def test_values_in_single_quotes_come_back_as_they_are(variables: dict[str, str]) -> None:
    kept = {name: value.replace("\\", "/") for name, value in variables.items()}
    lines = [
        f"{name}='{value.replace(chr(39), chr(92) + chr(39))}'" for name, value in kept.items()
    ]

    assert values("\n".join(lines)) == kept


@given(st.binary(max_size=80))
def test_any_bytes_give_variables_or_an_error_with_a_line_of_the_file(content: bytes) -> None:
    last = content.count(b"\n") + 1
    for read in (parse_raw, lambda text, lookup: parse(text, lookup)):
        try:
            lines = [variable.line for variable in read(content, CALLER.get).values()]
        except DotenvError as error:
            lines = [error.line]
        assert all(1 <= line <= last for line in lines)


# --- raw ------------------------------------------------------------------------------------------


def test_raw_takes_each_line_as_it_is() -> None:
    content = (
        b'\xef\xbb\xbf A="quoted" # no comment \r\n'
        b"B=$HOME ${NOPE}\n# comment\n\n  C\xc3\xa9='x'=y\nHOME\nNOPE\n!=1\nA=last"
    )

    assert parse_raw(content, CALLER.get) == {
        "A": Variable("last", 9),
        "B": Variable("$HOME ${NOPE}", 2),
        "C\u00e9": Variable("'x'=y", 5),
        "HOME": Variable("/home/user", 6),
        "!": Variable("1", 8),
    }


def test_raw_keeps_blanks_of_the_value_and_one_carriage_return_less() -> None:
    assert parse_raw(b"A= x \r\r\n", CALLER.get) == {"A": Variable(" x \r", 1)}


@cases(
    ("content", "message", "line"),
    [
        (b"A=1\n=2\n", "the line has no variable name", 2),
        (b"A B=1\n", "a variable name cannot hold a space", 1),
        (b"A\t=1\n", "a variable name cannot hold a space", 1),
        (b"A=1\n\nB=\xff\n", "the line is not UTF-8", 3),
        (b"A" * (MAX_RAW_LINE + 1), f"the line is longer than {MAX_RAW_LINE} bytes", 1),
    ],
)
def test_raw_refuses_what_docker_refuses(content: bytes, message: str, line: int) -> None:
    with pytest.raises(DotenvError) as error:
        parse_raw(content, CALLER.get)

    assert (str(error.value), error.value.line) == (message, line)


def test_raw_takes_the_longest_line_that_docker_takes() -> None:
    value = "x" * (MAX_RAW_LINE - 2)

    assert parse_raw(f"A={value}\n".encode(), CALLER.get) == {"A": Variable(value, 1)}
