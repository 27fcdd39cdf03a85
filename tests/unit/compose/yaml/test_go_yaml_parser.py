"""Events, where go-yaml's grammar differs from PyYAML's."""

from __future__ import annotations

import pytest
from yaml.events import Event, ScalarEvent, StreamEndEvent
from yaml.parser import ParserError

from policyd.compose.yaml.go_yaml_parser import Parser
from tests.support.cases import cases


def events(text: str) -> list[str]:
    """Return the events of `text` by their names; scalars by their text."""
    parser = Parser(text, "f")
    found: list[str] = []
    while not isinstance(event := parser.get_event(), StreamEndEvent):
        found.append(_short(event))
    return found[1:]


def _short(event: Event) -> str:
    name = type(event).__name__.removesuffix("Event")
    return f"={event.value}" if isinstance(event, ScalarEvent) else name


DOCUMENT = ["DocumentStart", "DocumentEnd"]


@cases(
    ("text", "content"),
    [
        ("[: a]", ["SequenceStart", "MappingStart", "=", "=a", "MappingEnd", "SequenceEnd"]),
        ("{: a}", ["MappingStart", "=", "=a", "MappingEnd"]),
        (": a", ["MappingStart", "=", "=a", "MappingEnd"]),
        ("{a\n : b}", ["MappingStart", "=a", "=b", "MappingEnd"]),
        ("{a, b: c}", ["MappingStart", "=a", "=", "=b", "=c", "MappingEnd"]),
        (
            "[a: b, c]",
            ["SequenceStart", "MappingStart", "=a", "=b", "MappingEnd", "=c", "SequenceEnd"],
        ),
        ("!t", ["="]),
    ],
)
def test_content_of_a_document(text: str, content: list[str]) -> None:
    assert events(text) == [DOCUMENT[0], *content, DOCUMENT[1]]


def test_text_can_follow_the_end_of_a_document() -> None:
    assert events("a\n...\n...\nb\n") == [
        "DocumentStart",
        "=a",
        "DocumentEnd",
        "DocumentStart",
        "=b",
        "DocumentEnd",
    ]


@cases(
    ("text", "problem"),
    [
        ("a: b\n%YAML 1.1\n---\n", "a directive needs '...' at the end of the document before it"),
        ("'a'\n'b'\n", "expected '---' or the end of the file"),
    ],
)
def test_document_must_end_before_the_next(text: str, problem: str) -> None:
    with pytest.raises(ParserError) as error:
        events(text)

    assert error.value.problem == problem


def test_handles_of_tags_are_those_of_the_directives() -> None:
    parser = Parser("%TAG !e! tag:e,1:\n---\n!e!t a", "f")
    parser.get_event()
    parser.get_event()

    assert parser.get_event().tag == "tag:e,1:t"
