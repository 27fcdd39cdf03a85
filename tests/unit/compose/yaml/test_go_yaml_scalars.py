"""Texts of scalars, as go-yaml 4.0.0 reads them."""

from __future__ import annotations

import pytest
from yaml.scanner import ScannerError

from policyd.compose.yaml.go_yaml_cursor import Cursor
from policyd.compose.yaml.go_yaml_scalars import scan_block, scan_plain, scan_quoted
from tests.support.cases import cases


@cases(
    ("text", "value", "rest"),
    [
        ("a b #c", "a b", "#c"),
        ("a#b", "a#b", ""),
        ("a: b", "a", ": b"),
        ("a:b", "a:b", ""),
        ("a\n b\n\n c", "a b\nc", ""),
        ("a\u2028 b", "a\u2028b", ""),
        ("a, [b]", "a, [b]", ""),
        ("a\n---\nb", "a", "---\nb"),
        ("a\n \t\nb", "a\nb", ""),
    ],
)
def test_plain_text_in_a_block(text: str, value: str, rest: str) -> None:
    cursor = Cursor(text, "f")

    assert scan_plain(cursor, 0, in_flow=False).text == value
    assert cursor.text[cursor.at : -1] == rest


@cases(
    ("text", "value"),
    [("a, b", "a"), ("a]", "a"), ("a? b", "a? b"), ("a:b", "a:b"), ("a:]", "a"), ("a:[", "a:")],
)
def test_plain_text_in_flow_style(text: str, value: str) -> None:
    assert scan_plain(Cursor(text, "f"), 0, in_flow=True).text == value


def test_plain_text_ends_at_a_line_with_less_indentation() -> None:
    scalar = scan_plain(Cursor("a\nb", "f"), 1, in_flow=False)

    assert (scalar.text, scalar.ends_line, scalar.end.index) == ("a", True, 1)


def test_tab_cannot_indent_a_line_of_plain_text() -> None:
    with pytest.raises(ScannerError, match="a tab cannot be part of the indentation"):
        scan_plain(Cursor("a\n\tb", "f"), 1, in_flow=False)


@cases(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("'a\\b'", "a\\b"),
        ("'a\n\n b'", "a\nb"),
        ('"\\x41\\u00e9\\U0001F433"', "Aé🐳"),
        ('"\\0\\a\\b\\t\\\t\\n\\v\\f\\r\\e\\ \\"\\/\\\\"', '\0\a\b\t\t\n\v\f\r\x1b "/\\'),
        ('"\\N\\_\\L\\P"', "\x85\xa0\u2028\u2029"),
        ('"a \n b"', "a b"),
        ('"a \\\n  b"', "a b"),
        ('"a\\\n\n  b"', "a\nb"),
    ],
)
def test_quoted_text(text: str, value: str) -> None:
    cursor = Cursor(text, "f")

    assert scan_quoted(cursor) == value
    assert cursor.text[cursor.at] == "\0"


@cases(
    ("text", "problem"),
    [
        ('"\\\'"', "unknown escape \\' in double quotes"),
        ('"\\x4"', "\\x takes 2 hexadecimal digits"),
        ('"\\ud800"', "\\ud800 is not a Unicode character"),
        ('"\\U00110000"', "\\U00110000 is not a Unicode character"),
        ("'a", "the quoted text that starts here has no end"),
        ("'a\n--- '", "found the start or end of a document in a quoted text"),
    ],
)
def test_broken_quoted_text_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ScannerError) as error:
        scan_quoted(Cursor(text, "f"))

    assert error.value.problem == problem


@cases(
    ("text", "value"),
    [
        ("|\n  a\n  b\n", "a\nb\n"),
        ("|-\n  a\n\n", "a"),
        ("|+\n  a\n\n", "a\n\n"),
        ("|2-\n   a\n", " a"),
        ("|-2\n   a\n", " a"),
        (">\n  a\n  b\n\n  c\n", "a b\nc\n"),
        (">\n  a\n   b\n  c\n", "a\n b\nc\n"),
        ("| # c\n  a\n", "a\n"),
        ("|\n \ta\n", "\ta\n"),
        ("|\n  a\n  \t", "a\n\t\n"),
        ("|+\n  a\n ", "a\n\n"),
        ("|", ""),
        ("|\n\n  a\u2028  b", "\na\u2028b"),
    ],
)
def test_block_text(text: str, value: str) -> None:
    assert scan_block(Cursor(text, "f"), 0) == value


@cases(
    ("text", "problem"),
    [
        ("|#c\n", "expected a line break after the header of a block text"),
        ("|0\n", "expected a line break after the header of a block text"),
        ("|\n\ta\n", "found a tab where a space of the indentation is expected"),
    ],
)
def test_broken_block_text_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ScannerError) as error:
        scan_block(Cursor(text, "f"), 0)

    assert error.value.problem == problem
