from __future__ import annotations

import pytest
from flask import Flask

from policyd.web.console.pages import Listing, PageQuery, moment, page, prose, url_with
from tests.support.cases import cases


@pytest.fixture
def app() -> Flask:
    return Flask(__name__)


@cases(
    "value,cell",
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\n=1", '"\'\n=1"'),
        (-1, "-1"),
        (None, ""),
        (("=a", "b"), "'=a b"),
        ('a,"b"', '"a,""b"""'),
    ],
)
def test_no_cell_is_a_formula(app, value, cell) -> None:
    listing = Listing("things", {"one": "One"}, [{"one": value}])
    with app.test_request_context():
        answer = page("none.html", "Things", PageQuery(format="csv"), listing)

    # RFC 4180: a record that consists of one empty field is quoted.
    assert answer.get_data(as_text=True) == f"One\r\n{cell or chr(34) * 2}\r\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="things.csv"'


def test_a_list_is_also_json(app) -> None:
    listing = Listing("things", {"one": "One"}, [{"one": 1, "two": [2]}])
    with app.test_request_context():
        answer = page("none.html", "Things", PageQuery(format="json"), listing)

    assert answer.json == {"items": [{"one": 1, "two": [2]}]}


def test_a_link_keeps_the_other_filters(app) -> None:
    with app.test_request_context("/console/decisions?host=a&before=7&kind=x&kind=y"):
        assert url_with(before=None, host="b&c") == "/console/decisions?kind=x&kind=y&host=b%26c"
        assert url_with(host=None, before=None, kind=None) == "/console/decisions"


def test_a_moment_is_escaped_and_in_utc() -> None:
    assert moment("2026-11-30T17:40:03.123456Z") == (
        '<time datetime="2026-11-30T17:40:03.123456Z">2026-11-30 17:40:03 UTC</time>'
    )
    assert moment('"><script>') == (
        '<time datetime="&#34;&gt;&lt;script&gt;">&#34;&gt;&lt;script&gt; UTC</time>'
    )
    assert moment("") == "never"


def test_code_in_prose_is_marked_and_everything_is_escaped() -> None:
    assert prose("Remove `a: <b>`, or `c`.") == (
        "Remove <code>a: &lt;b&gt;</code>, or <code>c</code>."
    )
    assert prose("one ` of <them>") == "one ` of &lt;them&gt;"
