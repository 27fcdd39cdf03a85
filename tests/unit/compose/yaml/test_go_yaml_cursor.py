"""A position in a text: lines, columns, line breaks."""

from __future__ import annotations

from policyd.compose.yaml.go_yaml_cursor import Cursor
from tests.support.cases import cases


@cases(
    ("line_break", "text"),
    [
        ("\n", "\n"),
        ("\r\n", "\n"),
        ("\r", "\n"),
        ("\x85", "\n"),
        ("\u2028", "\u2028"),
        ("\u2029", "\u2029"),
    ],
)
def test_line_break_is_read_as_one(line_break: str, text: str) -> None:
    cursor = Cursor(f"a{line_break}b", "f")
    cursor.skip_to_break()

    assert (cursor.read_break(), cursor.line, cursor.column, cursor.char) == (text, 1, 0, "b")


def test_mark_counts_from_0() -> None:
    cursor = Cursor("a\n \tb", "f")
    cursor.at += 1
    cursor.read_break()
    cursor.skip_blanks()

    mark = cursor.mark()

    assert (mark.name, mark.index, mark.line, mark.column) == ("f", 4, 1, 2)


@cases("text", ["---", "--- a", "...\n", "---\ta"])
def test_document_indicator_is_found_at_the_margin(text: str) -> None:
    assert Cursor(text, "f").is_document_indicator()


@cases("text", ["---a", "--", "....", "", " ---"])
def test_other_texts_are_not_document_indicators(text: str) -> None:
    assert not Cursor(text, "f").is_document_indicator()


def test_error_is_at_the_position_unless_told() -> None:
    cursor = Cursor("ab", "f")
    start = cursor.mark()
    cursor.at = 1

    assert cursor.error("x").problem_mark.column == 1
    assert cursor.error("x", start).problem_mark.column == 0
