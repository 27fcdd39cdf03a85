"""Bytes to trees: encodings, limits, and the choice of the parser."""

from __future__ import annotations

from typing import Any

import pytest

from policyd.compose.limits import MAX_EXACT_PARSE_BYTES
from policyd.compose.nodes import plain
from policyd.compose.yaml.reader import read_documents
from policyd.errors import ComposeError
from policyd.limits import MAX_FILE
from tests.support.cases import cases


def read(content: bytes) -> list[Any]:
    return [plain(document.root) for document in read_documents(content, "f.yaml")]


def refusal(content: bytes) -> str:
    with pytest.raises(ComposeError) as error:
        read(content)
    return str(error.value)


@cases("codec", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_begin_with_a_mark_or_are_utf_8_are_read(codec: str) -> None:
    assert read("a: é🐳\n".encode(codec)) == [{"a": "é🐳"}]


@cases("line_break", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
def test_line_breaks_are_those_of_yaml_1_1(line_break: str) -> None:
    assert read(f"a: 1{line_break}b: 2{line_break}".encode()) == [{"a": 1, "b": 2}]


def test_file_can_hold_several_documents() -> None:
    documents = read_documents(b"name: x\n---\nname: y\na: [1, 2]\n", "f.yaml")

    assert [(each.name, each.size, plain(each.root)) for each in documents] == [
        ("x", 2, {"name": "x"}),
        ("y", 5, {"name": "y", "a": [1, 2]}),
    ]


def test_file_without_a_document_has_none() -> None:
    assert read(b"# nothing\n") == []


@cases(
    ("content", "expected"),
    [
        (b"# one\n\t# two\na: 1\n", {"a": 1}),
        (b"a:\n  - 1\n\t# two\n  - 2\n", {"a": [1, 2]}),
        (b"a: 1\n\t\nb: 2\n", {"a": 1, "b": 2}),
        (b"a:\n-\t1\n", {"a": [1]}),
        (b"a: {b: :c}\n", {"a": {"b": ":c"}}),
        (b"a: {b\n  : c}\n", {"a": {"b": "c"}}),
        (b"a: [x? y, ?z]\n", {"a": ["x? y", "?z"]}),
        (b"a: {b: !!str, c: d}\n", {"a": {"b": "", "c": "d"}}),
        (b'a: "b\\/c"\n', {"a": "b/c"}),
        (b"a: &x:y b\nc: *x:y\n", {"a": "b", "c": "b"}),
        (b"...\n... # end\na: 1\n...\n", {"a": 1}),
        (b"%YAML 1.1\n---\na: 1\n", {"a": 1}),
        (b"a: |\n  b\n  ", {"a": "b\n"}),
        (b"a: \x7f\n", {"a": "\x7f"}),
    ],
)
def test_what_libyaml_refuses_or_reads_otherwise_is_read_as_docker_does(
    content: bytes, expected: Any
) -> None:
    assert read(content) == [expected]


@cases(
    ("content", "message"),
    [
        (b'a: "b"#c\n', "f.yaml:1:7: not valid YAML: a comment needs a space before the '#'"),
        (
            b"r:\n  a: {\nb: c}\n",
            "f.yaml:3:2: not valid YAML: this ':' must be indented more than the block around it",
        ),
        (b"a: [-]\n", "f.yaml:1:5: not valid YAML: '-' cannot start a value: quote it"),
        (
            b"a:\n\tb: 1\n",
            "f.yaml:2:1: not valid YAML: a tab cannot be part of the indentation: use spaces",
        ),
        (
            b"a: 1\n%YAML 1.1\n---\nb: 1\n",
            "f.yaml:2:1: not valid YAML: a directive needs '...' at the end of the document "
            "before it",
        ),
        (b"... b\n", "f.yaml:1:5: not valid YAML: only a comment can follow '...'"),
        (b"%YAML 1.2\n---\na: 1\n", "f.yaml:1:1: YAML version 1.2 is not supported, use 1.1"),
        (
            b"a: [1\n",
            "f.yaml:2:1: not valid YAML: expected ',' or ']' in the list that starts at line 1",
        ),
        (
            b"a: {b\n",
            "f.yaml:2:1: not valid YAML: expected ',' or '}' in the mapping that starts at line 1",
        ),
        (
            b"a: 1\nb:\n  - c\n  d: e\n",
            "f.yaml:4:3: not valid YAML: expected the next '-' of the list that starts at line 3, on a line of its own and with the same indentation",
        ),
        (
            b"a:\n  b: 1\n c: 2\n",
            "f.yaml:3:2: not valid YAML: expected the next key of the mapping that starts at line 1, on a line of its own and with the same indentation",
        ),
        (b"a: ]\n", "f.yaml:1:4: not valid YAML: expected a value"),
        (b"- a\n", "f.yaml:1:1: the top level must be a mapping, not a list"),
    ],
)
def test_what_docker_refuses_is_refused_in_plain_words(content: bytes, message: str) -> None:
    assert refusal(content) == message


def test_invalid_utf_8_has_line_and_column() -> None:
    assert refusal(b"a: 1\nb: \xc3\xa9\xff\n") == (
        "f.yaml:2:5: invalid UTF-8: byte 0xff. Save the file as UTF-8"
    )


def test_control_character_has_line_and_column() -> None:
    assert refusal(b"a: 1\r\nb: \x07\n") == (
        "f.yaml:2:4: control character U+0007 is not allowed in YAML"
    )


def test_invalid_utf_16_is_refused() -> None:
    assert refusal(b"\xff\xfea\x00\x00\xdc") == "f.yaml: invalid UTF-16 at byte 5 of the file"


def test_byte_order_mark_inside_is_refused_with_its_place() -> None:
    assert refusal("a: 1\nb: \ufeffc\n".encode()) == (
        "f.yaml:2:4: a byte order mark is inside the file: remove it"
    )


def test_file_above_the_limit_is_refused_without_reading_it() -> None:
    assert refusal(b"#" * (MAX_FILE + 1)) == (
        f"f.yaml: the file has {MAX_FILE + 1} bytes, the limit is {MAX_FILE}"
    )


def test_unusual_yaml_in_a_large_file_is_refused_where_it_begins() -> None:
    content = b"a: 1\nb: [?c]\n" + b"# filler\n" * (MAX_EXACT_PARSE_BYTES // 8)

    assert refusal(content) == (
        "f.yaml:2:5: the file has more than 262144 bytes and uses unusual YAML here: "
        "split the file, or use plain YAML"
    )


def test_plain_yaml_in_a_large_file_is_read() -> None:
    content = b"a: 1\n" + b"# filler\n" * (MAX_EXACT_PARSE_BYTES // 8)

    assert read(content) == [{"a": 1}]
