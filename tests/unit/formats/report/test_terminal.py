from __future__ import annotations

from policyd.formats.report.terminal import Terminal
from tests.support.cases import cases

TEXT = "Name the GPUs and their driver so that each of them is known to the scheduler."


def test_without_a_width_a_line_is_one_line() -> None:
    assert list(Terminal().lines("a  b ", ("c", "red"), " d", margin="> ")) == ["> a  b c d"]


@cases("columns", [40, 53, 80, 200])
def test_lines_end_between_words_and_fit(columns: int) -> None:
    lines = list(Terminal(columns=columns).lines(TEXT, margin="  "))

    assert all(len(line) <= columns for line in lines)
    assert " ".join(line.strip() for line in lines) == TEXT
    assert lines[0].startswith("  Name")
    assert all(line.startswith("      ") and line[6] != " " for line in lines[1:])
    assert len(lines) == {40: 3, 53: 2, 80: 1, 200: 1}[columns]


def test_a_width_of_few_columns_is_taken_as_forty() -> None:
    assert list(Terminal(columns=5).lines(TEXT)) == list(Terminal(columns=40).lines(TEXT))


def test_a_word_and_short_code_are_never_broken() -> None:
    word = "x" * 60
    code = "`device_ids: ['0']`"

    assert list(Terminal(columns=40).lines(f"a {word} b")) == ["a", f"    {word}", "    b"]
    assert list(Terminal(columns=40).lines(f"write all of it as {code}, no more")) == [
        "write all of it as `device_ids: ['0']`,",
        "    no more",
    ]
    assert list(Terminal(columns=40).lines(f"write all of the text as {code}")) == [
        "write all of the text as",
        f"    {code}",
    ]
    assert len(list(Terminal(columns=40).lines("`" + "ab " * 40 + "`"))) > 2


def test_wide_characters_count_twice_and_colours_not_at_all() -> None:
    assert list(Terminal(columns=40).lines("日本 " * 8 + "x")) == [
        "日本 日本 日本 日本 日本 日本 日本 日本",
        "    x",
    ]
    assert list(Terminal(columns=40).lines("日本" * 6, ": " + "word " * 4)) == [
        "日本" * 6 + ": word word word",
        "    word ",
    ]
    painted = list(Terminal(True, 40).lines(("one two", "red"), ": " + "word " * 7))
    assert painted == ["\x1b[1;31mone two\x1b[0m: word word word word word word", "    word "]


def test_a_painted_part_that_is_broken_is_painted_in_both_lines() -> None:
    part = ("a" * 30 + " " + "b" * 30, "bold")

    assert list(Terminal(True, 40).lines(part)) == [
        f"\x1b[1m{'a' * 30}\x1b[0m",
        f"    \x1b[1m{'b' * 30}\x1b[0m",
    ]


@cases(
    ("text", "column", "shown", "place"),
    [
        ("x" * 36, 7, "x" * 36, 7),
        ("x" * 37, 7, "x" * 35 + "…", 7),
        ("a" * 20 + "^" + "b" * 30, 21, "a" * 20 + "^" + "b" * 14 + "…", 21),
        ("a" * 60 + "^" + "b" * 60, 61, "…" + "a" * 17 + "^" + "b" * 16 + "…", 19),
        ("a" * 60 + "^", 61, "…" + "a" * 17 + "^", 19),
        ("x" * 50, 0, "x" * 35 + "…", 0),
    ],
)
def test_a_line_of_a_file_is_cut_around_the_place(
    text: str, column: int, shown: str, place: int
) -> None:
    assert Terminal(columns=40).excerpt("1 | ", text, column) == (shown, place)
    assert Terminal().excerpt("1 | ", text, column) == (text, column)
    assert column == 0 or shown[place - 1] == text[column - 1]
