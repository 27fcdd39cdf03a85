"""Which files libyaml may read otherwise than Docker's parser, and from where."""

from __future__ import annotations

from policyd.compose.yaml.libyaml_differences import first_difference
from tests.support.cases import cases


@cases(
    ("text", "index"),
    [
        ('a: "b"#c', 6),
        ("a: [#c", 4),
        ("a: |-#c", 5),
        ("a: |+2#c", 6),
        ("a: &b:c d", 3),
        ("&b? c: d", 0),
        ("a: *b:c", 3),
        ("a: [?b]", 4),
        ("a: {b: :c}", 7),
        ("a: {b:[c]}", 5),
        ("a: [-]", 4),
        ("a: !t,", 3),
        ("a: !!str b", 3),
        ("%YAML 1.1", 0),
        ("a: b\n...\n", 5),
        ("a: b\r...\r", 5),
        ("a: b\x85c: d", 4),
        ("a: b\u2028c: d", 4),
        ("a: |\n  b\n  ", 9),
    ],
)
def test_place_that_libyaml_may_read_otherwise_is_found(text: str, index: int) -> None:
    assert first_difference(text.encode()) == index


@cases(
    "text",
    [
        "a: b # c",
        "a: foo#bar",
        "a: &b c\nd: *b\n<<: *b",
        "a: sh -c 'x=1&y=2; ls *.c'",
        "a: what? yes",
        'a: {"b":"c", "d":[1]}',
        "ports: ['80:80', 127.0.0.1:53:53/udp]",
        "a: !reset null\nb: !override [c]",
        "a: test ! -f b",
        "a: 5%\nb: ../c",
        "a: b\n  \nc: d\n",
        "---\na: b\n--- \nc: d",
    ],
)
def test_ordinary_text_is_left_to_libyaml(text: str) -> None:
    assert first_difference(text.encode()) is None


def test_first_of_several_places_is_returned() -> None:
    assert first_difference(b"a: !t b\nc: [?d]\ne: [#f") == 3
