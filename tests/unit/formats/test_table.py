from __future__ import annotations

from policyd.formats.table import table, visible
from tests.support.cases import cases


@cases(
    ("text", "shown"),
    [
        ("plain text: ü, 日本, 🚀", "plain text: ü, 日本, 🚀"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\tb\r\n", "a\\tb\\r\\n"),
        ("\x9b", "\\x9b"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u200b\u2028\ufeff", "\\u200b\\u2028\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_or_hides_is_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_columns_line_up_with_wide_and_combining_characters() -> None:
    assert table(("A", "B"), [("日本", "1"), ("e\u0301", "2"), ("x\x1b", "3")]) == [
        "A      B",
        "日本   1",
        "e\u0301      2",
        "x\\x1b  3",
    ]
