"""The share of values that may come from aliases."""

from __future__ import annotations

import pytest
import yaml

from policyd.compose.yaml.alias_share import allowed_share, check_alias_shares
from policyd.compose.yaml.reader import read_documents
from policyd.errors import ComposeError
from tests.support.cases import cases


@cases(
    ("nodes", "share"),
    [(1, 0.99), (400_000, 0.99), (2_200_000, 0.545), (4_000_000, 0.10), (9_000_000, 0.10)],
)
def test_share_falls_with_the_size_of_the_document(nodes: int, share: float) -> None:
    assert allowed_share(nodes) == pytest.approx(share)


def check(text: str) -> None:
    check_alias_shares(yaml.CBaseLoader(text))


def repeated(merges: int) -> str:
    """Return a mapping of 60 entries, and so many mappings that consist of it."""
    source = "".join(f"  k{number}: v\n" for number in range(60))
    return f"a: &a\n{source}" + "".join(f"b{number}: {{<<: *a}}\n" for number in range(merges))


@pytest.mark.thorough
def test_entries_of_merge_keys_count_as_often_as_docker_counts_them() -> None:
    check(repeated(118))
    with pytest.raises(ComposeError) as refusal:
        check(repeated(119))

    assert refusal.value.message.startswith("too many aliases: 35740 of 36101 values")


def test_document_with_few_aliases_is_free() -> None:
    check("a: &a [1]\n" + "".join(f"b{number}: *a\n" for number in range(50)))


def test_bomb_is_refused_by_the_reader() -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 5):
        aliases = ", ".join([f"*a{level - 1}"] * 9)
        levels.append(f"a{level}: &a{level} [{aliases}]")

    with pytest.raises(ComposeError) as refusal:
        read_documents("\n".join(levels).encode(), "f.yaml")

    assert str(refusal.value) == (
        "f.yaml:3:5: too many aliases: 4630 of 4670 values come from aliases. "
        "Write the values out, or split the file"
    )


@pytest.mark.thorough
def test_each_document_counts_for_itself() -> None:
    check("---\n".join([repeated(118)] * 3))


def test_what_reset_removes_does_not_count() -> None:
    check(repeated(118) + "c: !reset\n" + "".join(f"  d{number}: *a\n" for number in range(3_000)))


def test_aliases_of_what_reset_removes_do_not_count() -> None:
    values = ", ".join(["x"] * 50)

    check(f"a: [&a !reset [{values}], " + "*a, " * 3_000 + "]\n")
