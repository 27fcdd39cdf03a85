from __future__ import annotations

import json

from policyd.formats.tabular import csv_text, json_lines
from tests.support.cases import cases


@cases(
    ("value", "cell"),
    [
        ("=cmd|'/c calc'!A0", "'=cmd|'/c calc'!A0"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\t=1"),
        ("\r=1", "'\\r=1"),
        ("a\nb", "a\\nb"),
        (-1, "-1"),
        (True, "true"),
        (1.5, "1.5"),
        (None, ""),
        ("", ""),
    ],
)
def test_a_cell_is_never_a_formula(value: object, cell: str) -> None:
    assert csv_text(("a", "b"), [{"a": value, "b": 1}]) == f"a,b\n{cell},1\n"


def test_cells_with_separators_are_quoted_and_lists_are_json() -> None:
    assert csv_text(("a", "b"), [{"a": 'x,"y"', "b": ["1", "=2"]}, {"b": {"count": 2}}]) == (
        'a,b\n"x,""y""","[""1"",""=2""]"\n,"{""count"":2}"\n'
    )


def test_lines_are_one_document_each_and_escape_what_controls_a_terminal() -> None:
    shown = json_lines([{"a": "x\n\x1b\u202e"}, {"b": 1}])

    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert [json.loads(line) for line in shown.splitlines()] == [{"a": "x\n\x1b\u202e"}, {"b": 1}]
    assert json_lines([]) == ""
