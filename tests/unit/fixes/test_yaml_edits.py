"""Each test edits a text; the expected text is whole, so that nothing else may change."""

from __future__ import annotations

import pytest

from policyd.fixes.yaml_edits import with_entry, with_item, with_read_only_mount, without
from policyd.fixes.yaml_places import NotEditable, Place, entries, find
from tests.support.cases import cases

HEAD = "services:\n  web:\n"


def at(text: str, word: str) -> Place:
    """Return the value that begins at the only `word` in `text`."""
    assert text.count(word) == 1, word
    start = text.index(word)
    line = text.count("\n", 0, start) + 1
    return find(text, line, start - text.rfind("\n", 0, start))


@cases(
    ("before", "word", "after"),
    [
        ("    # why\n    a: X  # x\n\n    b: 1\n", "X", "    # why\n\n    b: 1\n"),
        ("    b: 1 # b\n    a: X", "X", "    b: 1 # b\n"),
        ("    a: X\r\n    b: 1\r\n", "X", "    b: 1\r\n"),
        ("    l:\n      - 1  # 1\n      - X # x\n      - 3\n", "X",
         "    l:\n      - 1  # 1\n      - 3\n"),
        ("    l:\n    - X\n    - 3\n", "X", "    l:\n    - 3\n"),
        ("    l: [X, 'b' , c]  # l\n", "X", "    l: ['b' , c]  # l\n"),
        ("    l: [a, X , c]\n", "X", "    l: [a, c]\n"),
        ("    l: [a,  X ]\n", "X", "    l: [a ]\n"),
        ("    l: [\n      a,  # a\n      X,\n    ]\n", "X", "    l: [\n      a,\n    ]\n"),
        ("    m: {a: 1, k: X, c: 2}\n", "X", "    m: {a: 1, c: 2}\n"),
        ("    h:\n      - k: X\n        c: 1\n", "X", "    h:\n      - c: 1\n"),
        ("    h:\n      - c: 1\n        k: X\n", "X", "    h:\n      - c: 1\n"),
        ("    k: |\n      X\n      Y\n\n    b: 1\n", "|", "    b: 1\n"),
        ("    k: >-\n      X\n    b: 1\n", ">-", "    b: 1\n"),
        ('    k: "a\n      b"\n    b: 1\n', '"a', "    b: 1\n"),
    ],
)  # fmt: skip
def test_an_entry_is_removed_and_nothing_else(before: str, word: str, after: str) -> None:
    assert without(HEAD + before, at(HEAD + before, word)) == HEAD + after


@cases(
    ("before", "word", "after"),
    [
        ("    i: n\n    l: [X]  # l\n    b: 1\n", "X", "    i: n\n    b: 1\n"),
        ("    i: n\n    l:\n      # first\n      - X\n    b: 1\n", "X", "    i: n\n    b: 1\n"),
        ("    i: n\n    m:\n      a:\n        - X\n", "X", "    i: n\n"),
    ],
)
def test_a_collection_that_becomes_empty_is_removed_too(before: str, word: str, after: str) -> None:
    assert without(HEAD + before, at(HEAD + before, word)) == HEAD + after


@cases(
    ("before", "after"),
    [
        ("services:\n  web:  # w\n    k: X\n  b: {}\n", "services:\n  web: {}  # w\n  b: {}\n"),
        ("services:\n  web: { k: X }  # w\n", "services:\n  web: {}  # w\n"),
        ("services:\n  web: &w {k: X}\n", "services:\n  web: &w {}\n"),
        ("x-a:\n  - X\n", "x-a: []\n"),
    ],
)
def test_a_service_and_an_entry_of_the_top_level_stay(before: str, after: str) -> None:
    assert without(before, at(before, "X")) == after


@cases(
    ("text", "word"),
    [
        ("services:\n  web: &w\n    k: X\n", "X"),
        ("services:\n  web:\n    h:\n      - - X\n        - b\n", "X"),
        ("services:\n  web:\n    h:\n      -\n        X\n      - b\n", "X"),
        ("a: 1\n? k\n: X\n", "X"),
        ("k: X\n", "X"),
    ],
)
def test_what_cannot_be_removed_exactly_is_not_removed(text: str, word: str) -> None:
    with pytest.raises(NotEditable):
        without(text, at(text, word))


@cases(
    ("before", "after"),
    [
        ("- /a:/b\n", "- /a:/b:ro\n"),
        ("- '/a:/b' # c\n", "- '/a:/b:ro' # c\n"),
        ('- "/a:/b:z"\n', '- "/a:/b:z,ro"\n'),
        ("- /rw:/rw:rw\n", "- /rw:/rw:ro\n"),
        ("- '/a:/b:z,rw'\n", "- '/a:/b:z,ro'\n"),
        ("- ${A:-/x}:${B:-/y}\n", "- ${A:-/x}:${B:-/y}:ro\n"),
        ("- {type: bind, source: /a, target: /b}\n",
         "- {type: bind, source: /a, target: /b, read_only: true}\n"),
        ("- type: bind  # t\n  source: /a\n- x\n",
         "- type: bind  # t\n  source: /a\n  read_only: true\n- x\n"),
        ("- type: bind\n  read_only: false # no\n", "- type: bind\n  read_only: true # no\n"),
        ("- type: bind\n  source: /a", "- type: bind\n  source: /a\n  read_only: true"),
    ],
)  # fmt: skip
def test_a_mount_becomes_read_only(before: str, after: str) -> None:
    volumes = next(entries(find_root("volumes:\n" + before)))
    first = next(entries(volumes))

    assert with_read_only_mount("volumes:\n" + before, first) == "volumes:\n" + after


@cases("mount", ["- /a\n", "- |\n  /a:/b\n", "- [a]\n"])
def test_a_mount_in_another_form_is_not_changed(mount: str) -> None:
    volumes = next(entries(find_root("volumes:\n" + mount)))

    with pytest.raises(NotEditable):
        with_read_only_mount("volumes:\n" + mount, next(entries(volumes)))


def test_an_item_is_added_in_the_style_of_the_list() -> None:
    flow, empty, block = "l: [a, b] # c\n", "l: []\n", "l:\n  - a # c\n\nm: 1\n"

    assert with_item(flow, at(flow, "[a"), "gpu") == "l: [a, b, gpu] # c\n"
    assert with_item(empty, at(empty, "[]"), "gpu") == "l: [gpu]\n"
    assert with_item(block, at(block, "- a"), "gpu") == "l:\n  - a # c\n  - gpu\n\nm: 1\n"


def test_an_entry_is_added_only_to_a_mapping_and_an_item_only_to_a_list() -> None:
    text = "l: [a]\nm: {b: 1}\nn: &n\n  c: 1\n"

    with pytest.raises(NotEditable, match="not a mapping"):
        with_entry(text, at(text, "[a"), "k", "v")
    with pytest.raises(NotEditable, match="not a list"):
        with_item(text, at(text, "{b"), "v")
    with pytest.raises(NotEditable, match="anchor or a tag"):
        with_entry(text, at(text, "&n"), "k", "v")


def find_root(text: str) -> Place:
    found = find(text, 2, 1)
    assert found.parent is not None
    return found.parent
